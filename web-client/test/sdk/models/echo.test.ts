import { expect, test } from "vitest";

import { EchoWatch } from "../../../src/sdk/models/echo.js";

/** Loudness of speech in steps of 50 ms, dBFS. */
function speech(step: number, seed: number): number {
  return -25 - 25 * Math.abs(Math.sin(step * 0.37 + seed) * Math.sin(step * 0.11 + seed * 3));
}

/** Whether an echo is found within a minute. */
function found(recorded: (step: number) => number, played = (step: number) => speech(step, 1)): boolean {
  const watch = new EchoWatch();
  for (let step = 0; step < 1200; step++) {
    watch.observe(played(step), recorded(step));
    if (step % 90 === 89 && watch.check()) return true;
  }
  return false;
}

test("what comes back 200 ms later and 15 dB softer is an echo", () => {
  expect(found((step) => speech(step - 4, 1) - 15)).toBe(true);
});

test("a cancelled echo, somebody else's voice, and silence are none", () => {
  expect(found(() => -85)).toBe(false);
  expect(found((step) => speech(step, 2.4))).toBe(false);
  expect(found((step) => speech(step - 2, 1), () => -120)).toBe(false);
});

test("a steady tone proves nothing", () => {
  expect(found(() => -40, () => -20)).toBe(false);
});
