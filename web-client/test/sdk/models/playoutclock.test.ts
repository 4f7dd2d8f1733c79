import { expect, test } from "vitest";

import { PlayoutClock } from "../../../src/sdk/models/playoutclock.js";

/** Blocks of 80 ms that take `transit(block)` ms. Returns the clock and when the last one came. */
function drive(clock: PlayoutClock, blocks: number, transit: (block: number) => number, from = 0): number {
  let at = 0;
  for (let block = from; block < from + blocks; block++) {
    at = block * 80 + transit(block);
    clock.observe(block * 80, at);
  }
  return at;
}

test("an even line is waited for little longer than it takes", () => {
  const clock = new PlayoutClock();
  drive(clock, 200, () => 120);
  expect(clock.delay).toBeGreaterThanOrEqual(130);
  expect(clock.delay).toBeLessThanOrEqual(161);
  drive(clock, 600, () => 120, 200);
  expect(clock.delay).toBe(130);
  expect(clock.wait).toBe(10);
});

test("what takes long from here to the ear is here that much sooner", () => {
  const clock = new PlayoutClock();
  clock.setLead(30);
  drive(clock, 600, () => 120);
  expect(clock.delay).toBe(160);
});

test("nearly all blocks of a jittery line are in time", () => {
  const clock = new PlayoutClock();
  let late = 0;
  for (let block = 0; block < 1000; block++) {
    const at = block * 80 + 100 + ((block * 7919) % 60);
    if (block > 20 && clock.delay !== null && at - block * 80 > clock.delay) late++;
    clock.observe(block * 80, at);
  }
  expect(late).toBeLessThan(10);
  expect(clock.delay).toBeLessThan(185);
});

test("the delay grows at once and falls by what a voice can follow", () => {
  const clock = new PlayoutClock();
  drive(clock, 100, () => 100);
  drive(clock, 4, () => 160, 100);
  expect(clock.delay).toBe(170);
  drive(clock, 125, () => 100, 104);
  // Late ones count for 8 s, and then it falls.
  const fallen = 170 - (clock.delay ?? 0);
  expect(fallen).toBeGreaterThan(5 * 2);
  expect(fallen).toBeLessThan(6 * 2.5);
});

test("a delay that is far too long is left in seconds, not in minutes", () => {
  const clock = new PlayoutClock();
  drive(clock, 100, () => 100);
  clock.setHold(500);
  clock.setHold(0);
  let before = clock.delay ?? 0;
  for (let block = 100; block < 350; block++) {
    clock.observe(block * 80, block * 80 + 100);
    expect(before - (clock.delay ?? 0)).toBeLessThanOrEqual(0.05 * 80);
    before = clock.delay ?? 0;
  }
  expect(before).toBeLessThan(200);
});

test("what a stall held up and let go at once is not waited for again", () => {
  const clock = new PlayoutClock();
  drive(clock, 100, () => 100);
  const before = clock.delay;
  // Ten blocks of a voice and a face, none of which was handed over before the last.
  for (let block = 100; block < 110; block++) {
    clock.observe(block * 80, 110 * 80 + 100);
    clock.observe(block * 80 + 3, 110 * 80 + 100);
  }
  expect(clock.delay).toBe(before);
});

test("one or two late arrivals in 8 s are not waited for, three are", () => {
  const clock = new PlayoutClock();
  drive(clock, 100, () => 100);
  drive(clock, 2, () => 400, 100);
  expect(clock.delay).toBe(110);
  drive(clock, 1, () => 400, 102);
  expect(clock.delay).toBe(410);
});

test("after a pause the delay is as long as it must be, and no longer", () => {
  const clock = new PlayoutClock();
  drive(clock, 100, () => 100);
  clock.setHold(400);
  clock.setHold(0);
  expect(clock.delay).toBe(500);
  drive(clock, 1, () => 100, 110);
  expect(clock.delay).toBe(110);
});

test("a hold is waited for, and let go", () => {
  const clock = new PlayoutClock();
  drive(clock, 30, () => 50);
  clock.setHold(200);
  expect(clock.delay).toBe(250);
  drive(clock, 30, () => 50, 30);
  expect(clock.delay).toBe(250);
  clock.setHold(0);
  drive(clock, 700, () => 50, 60);
  expect(clock.delay).toBe(60);
});

test("a publisher's clock that is another one begins anew", () => {
  const clock = new PlayoutClock();
  drive(clock, 50, () => 50);
  clock.observe(9_000_000, 4100);
  expect(clock.delay).toBeCloseTo(4100 - 9_000_000 + 40, 0);
});

test("a publisher's clock that runs slow is followed", () => {
  const clock = new PlayoutClock();
  for (let block = 0; block < 5000; block++) clock.observe(block * 80, block * 80 * 1.0002 + 100);
  const transit = 5000 * 80 * 0.0002 + 100;
  expect((clock.delay ?? 0) - transit).toBeGreaterThan(5);
  expect((clock.delay ?? 0) - transit).toBeLessThan(30);
});
