import { expect, test } from "vitest";

import { PictureHold } from "../../../src/sdk/models/pictureholds.js";
import type { PictureInput } from "../../../src/sdk/models/pictureholds.js";

const STEP_MS = 50;
/** What a raw picture takes beside its wait, and what it waits by itself, ms. */
const BASE = 60;
const WAIT = 20;

/** Waits over `ms` of a raw picture that follows what it is asked for. */
function run(hold: PictureHold, ms: number, input: Omit<PictureInput, "now" | "rawLatency">, from = 0): number[] {
  let wait: number | null = null;
  return Array.from({ length: ms / STEP_MS }, (_, step) => {
    const rawLatency = input.shown === "raw" ? BASE + Math.max(WAIT, wait ?? 0) : null;
    wait = hold.update({ ...input, now: from + step * STEP_MS, rawLatency });
    return wait ?? 0;
  });
}

const toModel = { shown: "raw", wanted: "model", urgent: false, modelLatency: 200 } as const;
const toRaw = { shown: "model", wanted: "raw", urgent: false, modelLatency: 200 } as const;
const raw = { shown: "raw", wanted: "raw", urgent: false, modelLatency: null } as const;

test("a raw picture is slowed down until it is as late as the one from the model", () => {
  const waits = run(new PictureHold(), 3000, toModel);
  expect(Math.abs((waits.at(-1) ?? 0) + BASE - 200)).toBeLessThan(10);
  waits.slice(1).forEach((wait, at) => expect(wait - (waits[at] ?? 0)).toBeLessThanOrEqual(STEP_MS * 0.1 + 0.01));
});

test("a raw picture that nobody sees yet begins with the wait that it will need, and hurries slowly", () => {
  const hold = new PictureHold();
  run(hold, 3000, toModel);
  const begun = run(hold, 500, toRaw, 3000);
  for (const wait of begun) expect(Math.abs(wait + BASE - 200)).toBeLessThan(15);
  const after = run(hold, 2000, raw, 3500);
  expect((begun.at(-1) ?? 0) - (after[1] ?? 0)).toBeLessThan(15);
  expect(after.at(-1)).toBe(0);
});

test("a gate that tripped waits for nothing", () => {
  expect(run(new PictureHold(), 200, { ...toRaw, urgent: true })).toEqual([0, 0, 0, 0]);
});
