import { expect, test } from "vitest";

import { BlockQueue } from "../../../src/sdk/models/ring.js";
import { bestFit, COMPARED_RATE, fadeGains } from "../../../src/sdk/models/splice.js";
import { VoiceLine } from "../../../src/sdk/models/voiceline.js";
import { VoiceMix } from "../../../src/sdk/models/voicemix.js";

const RATE = 48_000;
const OUT = 48_000;

/** A voice-like sound whose pitch never stands still: every moment of it is like no other. */
function voice(seconds: number): number {
  const phase = 2 * Math.PI * (160 * seconds + Math.sin(2 * Math.PI * 6 * seconds));
  return 0.3 * Math.sin(phase) + 0.1 * Math.sin(3 * phase + 1);
}

/** A mix that hears both forms; the model's clock says `skew` ms more than it should. */
function listen(skew: number, steps: { at: number; form: "raw" | "model" }[], ms = 2000) {
  const queue = new BlockQueue();
  for (let media = 0; media < ms + 400; media += 80) {
    const samples = Float32Array.from({ length: 3840 }, (_, at) => voice(media / 1000 + at / RATE));
    queue.push({ media, samples });
  }
  const mix = new VoiceMix(new VoiceLine(queue, RATE), OUT, "raw");
  const waiting = [...steps];
  const sound = new Float32Array(Math.floor((ms / 1000) * (OUT / 128)) * 128);
  for (let at = 0; at < sound.length; at += 128) {
    const now = (at / OUT) * 1000;
    if (waiting[0] && waiting[0].at <= now) mix.fadeTo((waiting.shift() as { form: "raw" | "model" }).form);
    const raw = Float32Array.from({ length: 128 }, (_, next) => voice((at + next) / OUT));
    mix.render(sound.subarray(at, at + 128), now + skew, raw);
  }
  return { mix, sound };
}

function worstError(sound: Float32Array, from: number, to: number): number {
  let worst = 0;
  for (let at = Math.floor(from * OUT); at < to * OUT; at++) {
    worst = Math.max(worst, Math.abs((sound[at] ?? 0) - voice(at / OUT)));
  }
  return worst;
}

test("the place where two signals say the same is found", () => {
  const signal = Float32Array.from({ length: 900 }, (_, at) => voice(at / COMPARED_RATE));
  const fit = bestFit(signal.subarray(300, 620), signal.subarray(200, 800), 140);
  expect(fit.lag).toBe(-40);
  expect(fit.likeness).toBeGreaterThan(0.999);
});

test("silence is like nothing", () => {
  expect(bestFit(new Float32Array(100), new Float32Array(120), 10)).toEqual({ lag: 0, likeness: 0 });
});

test("fades keep the loudness, of the same signal and of strangers", () => {
  for (const progress of [0, 0.2, 0.5, 0.8, 1]) {
    const [a, b] = fadeGains(progress, 1);
    expect(a + b).toBeCloseTo(1);
    const [c, d] = fadeGains(progress, 0);
    expect(c * c + d * d).toBeCloseTo(1);
  }
});

test("a fade between aligned forms cannot be told from no fade", () => {
  const { sound } = listen(0, [
    { at: 700, form: "model" },
    { at: 1400, form: "raw" },
  ]);
  expect(worstError(sound, 0.1, 1.95)).toBeLessThan(0.02);
});

test("clocks that are 12 ms apart are put right by what is heard", () => {
  const { sound, mix } = listen(12, [{ at: 700, form: "model" }]);
  // In step with the raw voice in the fade and behind it; then its own clock is slowly followed.
  expect(worstError(sound, 0.6, 0.722)).toBeLessThan(0.08);
  expect(mix.status.form).toBe("model");
});

test("a fade lasts 20 ms and may be turned back", () => {
  const { mix } = listen(0, [{ at: 700, form: "model" }, { at: 706, form: "raw" }], 720);
  expect(mix.status.form).toBe("raw");
  expect(mix.status.fading).toBe(false);
});
