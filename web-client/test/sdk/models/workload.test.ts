// What a device gives up that does not make sound and pictures in time.

import { expect, test } from "vitest";

import type { PluginSupport } from "../../../src/sdk/models/messages.js";
import { Workload } from "../../../src/sdk/models/workload.js";

const PLUGINS: PluginSupport[] = [
  { plugin: 1, version: 1, decode: "yes" },
  { plugin: 9, version: 2, decode: "yes" },
];

/** A device and its clock: `work` lets seconds pass of which a share is spent. */
function device() {
  const workload = new Workload();
  let now = 1_000;
  let changes = 0;
  const work = (seconds: number, share: number) => {
    for (let step = 0; step < seconds * 10; step++) {
      workload.spend(100 * share);
      now += 100;
      if (workload.look(now)) changes++;
    }
    return workload.limit(PLUGINS, now).map(({ decode }) => decode);
  };
  workload.look(now);
  return { work, changes: () => changes };
}

test("a device with time to spare gives nothing up, not even after a moment of haste", () => {
  const { work, changes } = device();
  expect(work(60, 0.6)).toEqual(["yes", "yes"]);
  expect(work(2, 0.95)).toEqual(["yes", "yes"]);
  expect(work(10, 0.3)).toEqual(["yes", "yes"]);
  expect(changes()).toBe(0);
});

test("pictures are given up first, and voices if that was not enough", () => {
  const { work, changes } = device();
  expect(work(5, 0.95)).toEqual(["yes", "tooSlow"]);
  expect(changes()).toBe(1);
  expect(work(5, 0.95)).toEqual(["tooSlow", "tooSlow"]);
  expect(changes()).toBe(2);
});

test("it is tried again after a while, which is twice as long each time", () => {
  const { work } = device();
  work(5, 0.95);
  expect(work(24, 0.1)).toEqual(["yes", "tooSlow"]);
  expect(work(7, 0.1)).toEqual(["yes", "yes"]);
  work(5, 0.95);
  expect(work(50, 0.1)).toEqual(["yes", "tooSlow"]);
  expect(work(11, 0.1)).toEqual(["yes", "yes"]);
});
