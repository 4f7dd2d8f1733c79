import { expect, test } from "vitest";

import { CaptureClock, FrameClock, mediaTimestamp } from "../../../src/sdk/models/captureclock.js";
import { MediaTimeline, nearest } from "../../../src/sdk/models/mediatime.js";
import { Repeats } from "../../../src/sdk/models/repeats.js";

test("the nearest whole number has the low bits that came", () => {
  expect(nearest(5, 0x1_fffe, 0x1_0000)).toBe(0x2_0005);
  expect(nearest(0xfffe, 0x2_0001, 0x1_0000)).toBe(0x1_fffe);
});

test("sixteen bits are made whole over hours, with blocks late and in any order", () => {
  const timeline = new MediaTimeline();
  const start = 4_123_456_789;
  timeline.anchor(start, 1000);
  for (let passed = 0; passed < 3 * 3600_000; passed += 7919) {
    const late = (passed * 31) % 400;
    const media = start + passed;
    expect(timeline.whole(media % 0x1_0000, 1000 + passed + late)).toBe(media);
    expect(timeline.whole((media - 160) % 0x1_0000, 1000 + passed + late)).toBe(media - 160);
  }
});

test("a pause of half a minute leaves the time whole", () => {
  const timeline = new MediaTimeline();
  timeline.anchor(100_000, 0);
  expect(timeline.whole((100_000 + 32_000) % 0x1_0000, 32_100)).toBe(132_000);
});

test("a stream that began before the node told its time is moved by whole turns alone", () => {
  const timeline = new MediaTimeline();
  const media = 10 * 0x1_0000 + 77;
  expect(timeline.whole(media % 0x1_0000, 500)).toBe(77);
  timeline.anchor(media + 300, 900);
  expect(timeline.whole((media + 400) % 0x1_0000, 920)).toBe(media + 400);
});

test("a block is new once", () => {
  const repeats = new Repeats();
  expect([80, 160, 80, 240, 160].map((media) => repeats.isNew(media))).toEqual([true, true, false, true, false]);
});

/** By how much sound comes late at best, ms. */
const LATE_MS = 17;

test("captured sound has no seams, whenever its blocks are handed over", () => {
  const clock = new CaptureClock(48_000, LATE_MS);
  let now = 1_000_000;
  let expected: number | null = null;
  for (let block = 0; block < 2000; block++) {
    now += 10;
    const media = clock.advance(480, now + ((block * 7) % 13));
    if (expected !== null) expect(Math.abs(media - expected)).toBeLessThanOrEqual(0.051);
    expected = media + 10;
  }
});

test("a sound card that runs fast is followed slowly", () => {
  const clock = new CaptureClock(48_000, LATE_MS);
  let media = 0;
  let now = 0;
  // 200 ppm fast: 480 samples each 9.998 ms.
  for (let block = 0; block < 60_000; block++) {
    now += 9.998;
    media = clock.advance(480, 5_000_000 + now);
  }
  expect(Math.abs(media - (5_000_000 + now - 10 - LATE_MS))).toBeLessThan(30);
});

test("sound that is handed over late in one go keeps its time", () => {
  const clock = new CaptureClock(48_000, LATE_MS);
  const times: number[] = [];
  for (let block = 0; block < 300; block++) {
    // Nobody looks for 400 ms.
    const end = 1000 + (block + 1) * 10;
    const now = end > 2000 && end < 2400 ? 2400 : end;
    times.push(clock.advance(480, now) - (end - 10));
  }
  for (const late of times) expect(Math.abs(late + LATE_MS)).toBeLessThan(1);
});

test("sound that is missing is a jump of the media time", () => {
  const clock = new CaptureClock(48_000, LATE_MS);
  for (let block = 0; block < 100; block++) clock.advance(480, 1000 + block * 10);
  let media = 0;
  for (let block = 0; block < 100; block++) media = clock.advance(480, 4000 + block * 10);
  expect(Math.abs(media - (4000 + 990 - 10 - LATE_MS))).toBeLessThan(1);
});

test("a clock that began late is put right at once", () => {
  const clock = new CaptureClock(48_000, LATE_MS);
  clock.advance(480, 1300);
  expect(Math.abs(clock.advance(480, 1020) - (1010 - LATE_MS))).toBeLessThan(1);
});

test("pictures keep their distances however late they are handed over", () => {
  const clock = new FrameClock();
  const times = Array.from({ length: 100 }, (_, frame) => clock.at(frame * 40, 9000 + frame * 40 + ((frame * 13) % 50)));
  times.slice(10).forEach((time, at) => expect(Math.abs(time - (9400 + at * 40))).toBeLessThan(4));
});

test("what travels is the low 32 bits", () => {
  expect(mediaTimestamp(0x1_0000_0000 + 12.7)).toBe(12);
});
