import { expect, test } from "vitest";

import { BlockQueue, BlockRing, SLOT_SAMPLES } from "../../../src/sdk/models/ring.js";
import { VoiceLine } from "../../../src/sdk/models/voiceline.js";
import { VoiceReader } from "../../../src/sdk/models/voicereader.js";

const RATE = 48_000;
const OUT = 48_000;
const PITCH = 200;

/** 80 ms of a tone that goes on through all blocks. */
function tone(media: number): Float32Array {
  return Float32Array.from({ length: 3840 }, (_, at) => 0.5 * wave(media / 1000 + at / RATE));
}

function wave(seconds: number): number {
  return Math.sin(2 * Math.PI * PITCH * seconds);
}

/** Renders `ms` in quanta of 128; `push` is asked before each for what has arrived. */
function render(
  reader: VoiceReader,
  ms: number,
  target: (contextMs: number) => number | null,
  push: (contextMs: number) => void,
  from = 0,
): Float32Array {
  const quanta = Math.floor((ms / 1000) * (OUT / 128));
  const all = new Float32Array(quanta * 128);
  for (let quantum = 0; quantum < quanta; quantum++) {
    const now = from + ((quantum * 128) / OUT) * 1000;
    push(now);
    reader.read(all.subarray(quantum * 128, quantum * 128 + 128), target(now));
  }
  return all;
}

/** A line that is fed with blocks as they are due, `lead` ms before. */
function fed(lead: number, gone: (media: number) => boolean = () => false) {
  const queue = new BlockQueue();
  const line = new VoiceLine(queue, RATE);
  let next = 0;
  const push = (now: number) => {
    for (; next <= now + lead; next += 80) {
      if (!gone(next)) queue.push({ media: next, samples: tone(next) });
    }
  };
  return { line, push, reader: new VoiceReader(line, OUT) };
}

/** Largest step between two samples: of the tone itself 0.0131. */
function largestStep(sound: Float32Array): number {
  let largest = 0;
  for (let at = 1; at < sound.length; at++) {
    largest = Math.max(largest, Math.abs((sound[at] ?? 0) - (sound[at - 1] ?? 0)));
  }
  return largest;
}

test("blocks go through shared memory unchanged, and a full ring refuses", () => {
  const ring = new BlockRing(new SharedArrayBuffer(BlockRing.bytes));
  const samples = Float32Array.from({ length: 2200 }, (_, at) => at);
  expect(ring.push({ media: 4_000_000_000, samples }, RATE)).toBe(true);
  const first = ring.pull();
  expect(first?.media).toBe(4_000_000_000);
  expect([...(first?.samples ?? [])]).toEqual([...samples.subarray(0, SLOT_SAMPLES)]);
  const second = ring.pull();
  expect(second?.media).toBe(4_000_000_020);
  expect(ring.pull()?.samples.length).toBe(280);
  expect(ring.pull()).toBeNull();
  for (let block = 0; block < 42; block++) expect(ring.push({ media: 0, samples }, RATE)).toBe(true);
  expect(ring.push({ media: 0, samples }, RATE)).toBe(false);
});

test("a tone is read in time and clean", () => {
  const { reader, push } = fed(200);
  const sound = render(reader, 2000, (now) => now, push);
  let error = 0;
  for (let at = OUT / 2; at < sound.length; at++) {
    error = Math.max(error, Math.abs((sound[at] ?? 0) - 0.5 * wave(at / OUT)));
  }
  expect(error).toBeLessThan(0.002);
  expect(reader.starvations).toBe(0);
});

test("a target that runs away is followed without a click", () => {
  const { reader, push } = fed(400);
  // 0.4 % fast, as between two bad sound cards.
  const sound = render(reader, 4000, (now) => now * 1.004, push);
  expect(largestStep(sound)).toBeLessThan(0.02);
  expect(Math.abs((reader.media ?? 0) - 4000 * 1.004)).toBeLessThan(6);
});

test("a far target is reached by a splice in step with the tone", () => {
  const { reader, push } = fed(600);
  const sound = render(reader, 2000, (now) => (now < 1000 ? now : now + 100), push);
  expect(largestStep(sound)).toBeLessThan(0.03);
  expect(Math.abs((reader.media ?? 0) - 2100)).toBeLessThan(9);
});

test("what does not come fades, and it goes on in time", () => {
  const { reader, push } = fed(20, (media) => media >= 480 && media < 1440);
  const sound = render(reader, 2000, (now) => now, push);
  expect(reader.starvations).toBeGreaterThanOrEqual(1);
  expect(largestStep(sound)).toBeLessThan(0.03);
  expect(Math.abs((reader.media ?? 0) - 2000)).toBeLessThan(4);
  const silent = sound.subarray(0.6 * OUT, 0.9 * OUT);
  expect(silent.every((sample) => sample === 0)).toBe(true);
});

test("a block that is late by a moment makes no click", () => {
  const queue = new BlockQueue();
  const reader = new VoiceReader(new VoiceLine(queue, RATE), OUT);
  let next = 0;
  const push = (now: number) => {
    // Every tenth block comes 8 ms after its time.
    for (; next <= now + (next % 800 === 0 ? -8 : 20); next += 80) queue.push({ media: next, samples: tone(next) });
  };
  const sound = render(reader, 3000, (now) => now - 1, push);
  expect(reader.late).toBeGreaterThan(2);
  expect(largestStep(sound)).toBeLessThan(0.03);
});

test("nothing is played before its time", () => {
  const { reader, push } = fed(200);
  const sound = render(reader, 300, (now) => now - 100, push);
  const begin = sound.findIndex((sample) => sample !== 0);
  expect((begin / OUT) * 1000).toBeGreaterThanOrEqual(96);
  expect((begin / OUT) * 1000).toBeLessThan(110);
});
