// Which devices are too slow to be sent as a face model.

import { expect, test } from "vitest";

import { PaceWatch } from "../../../src/sdk/models/pacewatch.js";

/** A device that encodes a picture each `step` ms, which takes it `took`; whether it is too slow after `seconds`. */
function encode(watch: PaceWatch, from: number, seconds: number, step: number, took: number): boolean {
  let now = from;
  for (; now < from + seconds * 1000; now += step) {
    watch.spend(took);
    watch.picture(now);
  }
  return watch.isTooSlow(now);
}

test("a device that makes few pictures because it has no time for more is too slow for ever longer", () => {
  const watch = new PaceWatch();
  let now = 0;
  for (const rest of [8_000, 20_000, 60_000, 60_000]) {
    expect(encode(watch, now, 4.1, 150, 149)).toBe(true);
    expect(watch.isTooSlow(now + 4_000 + rest)).toBe(true);
    now += 4_500 + rest;
    expect(watch.isTooSlow(now)).toBe(false);
  }
});

test("one that was too slow while something else took its time is tried again soon the next time", () => {
  const watch = new PaceWatch();
  expect(encode(watch, 0, 4.1, 150, 149)).toBe(true);
  expect(encode(watch, 20_000, 40, 40, 20)).toBe(false);
  watch.pause();
  expect(encode(watch, 70_000, 4.1, 150, 149)).toBe(true);
  expect(watch.isTooSlow(83_000)).toBe(false);
});

test("one that makes enough with all its time, or few of a slow camera, is not", () => {
  expect(encode(new PaceWatch(), 0, 30, 100, 99)).toBe(false);
  expect(encode(new PaceWatch(), 0, 30, 200, 40)).toBe(false);
});

test("a device that takes long for a picture encodes half as many, until it takes less again", () => {
  const watch = new PaceWatch();
  expect(watch.perBlock).toBe(2);
  encode(watch, 0, 5, 40, 36);
  expect(watch.perBlock).toBe(1);
  encode(watch, 5_000, 5, 80, 22);
  expect(watch.perBlock, "neither much nor little").toBe(1);
  encode(watch, 10_000, 9, 80, 12);
  expect(watch.perBlock).toBe(2);
});

test("what was measured before a pause does not count behind it", () => {
  const watch = new PaceWatch();
  encode(watch, 0, 3, 150, 149);
  watch.pause();
  expect(encode(watch, 10_000, 3, 150, 149)).toBe(false);
});
