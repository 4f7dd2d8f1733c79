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
      going: true,
      rawLatency: rawNow,
      modelLatency: modelNow,
      rawWait: rawNow - 50,
      modelWait: modelNow - 50,
      quietMs: 0,
      ...fixed,
    });
    if (output.fade) return { after: now, skew: modelNow - rawNow };
    const rawGoal = Math.max(raw, (output.rawHold ?? 0) + 50);
    // A raw form that has just begun begins with the wait that it was given.
    rawNow = now === 0 && from === "model" ? rawGoal : follow(rawNow, rawGoal);
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

test("the way back begins the raw voice with the delay that it will need", () => {
  const faded = drive("model", { raw: 90, model: 200 });
  expect(Math.abs(faded?.skew ?? 99)).toBeLessThanOrEqual(20);
  expect(faded?.after).toBeLessThanOrEqual(1300);
});

test("voices that say the same go over at once", () => {
  expect(drive("raw", { raw: 150, model: 154 })?.after).toBe(0);
});

test("a pause hides every difference", () => {
  expect(drive("raw", { raw: 100, model: 300, quietMs: 80 })?.after).toBe(0);
});

test("a gate that tripped waits for the first raw sound and for nothing else", () => {
  expect(drive("model", { raw: 100, model: 300, urgent: true })?.after).toBe(0);
  expect(drive("model", { raw: 100, model: 300, urgent: true, ready: false })).toBeNull();
});

test("what cannot be aligned is done in the end", () => {
  expect(drive("raw", { raw: 100, model: 185, rawLatency: 100, modelLatency: 185 })?.after).toBe(3700);
  expect(drive("model", { raw: 100, model: 185, rawLatency: 100, modelLatency: 185 })?.after).toBe(1300);
});

test("a form that ended is not waited with", () => {
  expect(drive("model", { raw: 100, model: 300, going: false })?.after).toBe(0);
});

test("unknown clocks leave it to what is heard", () => {
  expect(drive("raw", { raw: 100, model: 185, rawLatency: null })?.after).toBeLessThan(3000);
});

test("waits change no faster than a voice may be stretched, and are let go when it is done", () => {
  const control = new VoiceSwitch("raw");
  const still = { urgent: false, ready: true, going: true, modelWait: 100, quietMs: 0, wanted: "model" } as const;
  const input = { ...still, rawWait: 50, rawLatency: 100 };
  expect(control.update({ ...input, now: 0, modelLatency: 200 }).rawHold).toBe(50);
  expect(control.update({ ...input, now: 200, modelLatency: 200 }).rawHold).toBe(120);
  expect(control.update({ ...input, now: 700, rawWait: 120, rawLatency: 170, modelLatency: 200 }).rawHold).toBe(150);
  expect(control.update({ ...input, now: 1000, modelLatency: 105 }).fade).toBe("model");
  expect(control.update({ ...input, now: 1100, modelLatency: 105 }).rawHold).toBe(140);
  expect(control.update({ ...input, now: 4000, modelLatency: 105 })).toEqual({ rawHold: null, modelHold: null, fade: null });
});
