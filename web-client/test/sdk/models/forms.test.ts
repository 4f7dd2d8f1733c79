import { expect, test } from "vitest";

import { Forms } from "../../../src/sdk/models/forms.js";
import type { FormNotice } from "../../../src/sdk/models/messages.js";

function notice(change: Partial<FormNotice>): FormNotice {
  return { participant: "ada", shortId: 3, source: "microphone", form: "raw", overlap: false, ...change };
}

test("a form that is announced is played only when it has arrived, and the node is told once", () => {
  const forms = new Forms();
  forms.apply([notice({ form: "model", overlap: true, epoch: 2, plugin: 7, timestamp: 99, captureTime: 5_000_000 })]);
  const state = forms.of("ada", "microphone");
  expect(state).toMatchObject({ form: "raw", wanted: "model", overlap: true, urgent: false, epoch: 2 });
  expect(state?.anchor).toEqual({ media: 99, captured: 5000 });
  const told = forms.arrived("ada", "microphone", "model");
  expect(told).toEqual({ type: "switched", participant: "ada", source: "microphone", form: "model" });
  expect(forms.arrived("ada", "microphone", "model")).toBeNull();
  expect(forms.of("ada", "microphone")?.form).toBe("model");
});

test("a gate that tripped leaves no time, other reasons do", () => {
  const forms = new Forms();
  const [tripped] = forms.apply([notice({ reason: "gateTripped", overlap: true })]);
  const [policy] = forms.apply([notice({ reason: "policy", overlap: true })]);
  expect(tripped?.urgent).toBe(true);
  expect(policy?.urgent).toBe(false);
});

test("who arrives where nobody asks for it any more says nothing", () => {
  const forms = new Forms();
  forms.apply([notice({ form: "model", overlap: true })]);
  forms.apply([notice({ form: "raw", reason: "policy" })]);
  expect(forms.arrived("ada", "microphone", "model")).toBeNull();
});

test("the clock that was told stays known, and people who left do not", () => {
  const forms = new Forms();
  forms.apply([notice({ timestamp: 1, captureTime: 1000 }), notice({ source: "camera" })]);
  forms.apply([notice({ form: "model" })]);
  expect(forms.of("ada", "microphone")?.anchor).toEqual({ media: 1, captured: 1 });
  forms.remove("ada");
  expect(forms.all).toEqual([]);
});
