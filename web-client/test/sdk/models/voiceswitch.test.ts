import { expect, test } from "vitest";

import type { PlayedForm } from "../../../src/sdk/models/messages.js";
import { VoiceSwitch } from "../../../src/sdk/models/voiceswitch.js";
import type { SwitchInput } from "../../../src/sdk/models/voiceswitch.js";

const STEP_MS = 50;

/**
 * A voice of which the raw form takes `raw` ms and the model form `model`, each more if it is held
 * back (which takes effect by 100 ms a second). Runs until it fades; how long, and with which skew.
 */
function drive(
  from: PlayedForm,
  { raw, model, ...fixed }: { raw: number; model: number } & Partial<SwitchInput>,
): { after: number; skew: number } | null {
  const control = new VoiceSwitch(from);
  let [rawNow, modelNow] = [raw, model];
  for (let now = 0; now < 15_000; now += STEP_MS) {
    const output = control.update({
      now,
      wanted: from === "raw" ? "model" : "raw",
      urgent: false,
      ready: true,
      skew: modelNow - rawNow,
      rawWait: rawNow - 50,
      modelWait: modelNow - 50,
      quietMs: 0,
      ...fixed,
    });
    if (output.fade) return { after: now, skew: modelNow - rawNow };
    rawNow = follow(rawNow, Math.max(raw, (output.rawHold ?? 0) + 50));
    modelNow = follow(modelNow, Math.max(model, (output.modelHold ?? 0) + 50));
  }
  return null;
}

function follow(now: number, goal: number): number {
  return now + Math.max(-5, Math.min(5, goal - now));
}

test("the raw voice is delayed until the model voice says the same", () => {
  const faded = drive("raw", { raw: 100, model: 185 });
  expect(Math.abs(faded?.skew ?? 99)).toBeLessThanOrEqual(10);
  expect(faded?.after).toBeGreaterThan(300);
  expect(faded?.after).toBeLessThan(4000);
});

test("the way back waits for the raw voice in the same way", () => {
  const faded = drive("model", { raw: 90, model: 200 });
  expect(Math.abs(faded?.skew ?? 99)).toBeLessThanOrEqual(10);
});

test("voices that say the same go over at once", () => {
  expect(drive("raw", { raw: 150, model: 155 })?.after).toBe(0);
});

test("a pause hides every difference", () => {
  expect(drive("raw", { raw: 100, model: 300, quietMs: 80 })?.after).toBe(0);
});

test("a gate that tripped waits for the first raw sound and for nothing else", () => {
  expect(drive("model", { raw: 100, model: 300, urgent: true })?.after).toBe(0);
  expect(drive("model", { raw: 100, model: 300, urgent: true, ready: false })).toBeNull();
});

test("what cannot be aligned is done in the end", () => {
  const faded = drive("raw", { raw: 100, model: 185, skew: 85 });
  expect(faded?.after).toBe(12_000);
});

test("unknown clocks leave it to what is heard", () => {
  expect(drive("raw", { raw: 100, model: 185, skew: null })?.after).toBeLessThan(1500);
});

test("holds are let go when it is done", () => {
  const control = new VoiceSwitch("raw");
  const input = { now: 0, urgent: false, ready: true, rawWait: 50, modelWait: 100, quietMs: 0 };
  expect(control.update({ ...input, wanted: "model", skew: 100 }).rawHold).toBe(130);
  expect(control.update({ ...input, wanted: "model", skew: 5 }).fade).toBe("model");
  expect(control.update({ ...input, wanted: "model", skew: 5 })).toEqual({ rawHold: null, modelHold: null, fade: null });
});
