import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { type Codec, EXTENDED_RATE, FRAME_SAMPLES, type Model, SOUND_RATE } from "../../../src/sdk/models/codec.js";
import { loadTestCodec, VOICE } from "./module.js";

let codec: Codec;
let anybody: Model;

beforeAll(async () => {
  codec = await loadTestCodec();
  const generic = codec.createGenericModel(VOICE);
  if (!generic) throw new Error("voices have a generic model");
  anybody = generic;
});

/** 80 ms of syllables, three a second, at a pitch that glides. */
function speak(payload: number): Float32Array {
  return Float32Array.from({ length: FRAME_SAMPLES }, (_, index) => {
    const time = (payload * FRAME_SAMPLES + index) / SOUND_RATE;
    const turns = 130 * time - 4 * Math.cos(2 * Math.PI * 0.6 * time);
    const loud = (0.5 - 0.5 * Math.cos(2 * Math.PI * 3 * time)) ** 2;
    let sum = 0;
    for (let harmonic = 1; harmonic < 20; harmonic++) {
      sum += Math.sin(2 * Math.PI * turns * harmonic) / harmonic;
    }
    return 0.2 * loud * sum;
  });
}

const power = (sound: Float32Array) => sound.reduce((sum, sample) => sum + sample * sample, 0);

test("a voice that nobody learned yet comes back as loud as it was, in some thirty bytes", () => {
  const [encoder, decoder] = [anybody.createEncoder(), anybody.createSoundDecoder()];
  let [said, heard, bytes] = [0, 0, 0];
  for (let at = 0; at < 40; at++) {
    const sound = speak(at);
    encoder.pushSound(sound);
    const { payload, activity } = encoder.flush();
    if (at < 5) {
      decoder.decode(payload);
      continue;
    }
    expect(activity?.talking).toBe(true);
    said += power(sound);
    heard += power(decoder.decode(payload));
    bytes += payload.length;
  }
  expect(bytes / 35).toBeGreaterThan(8);
  expect(bytes / 35).toBeLessThan(60);
  expect(heard / said).toBeGreaterThan(0.3);
  expect(heard / said).toBeLessThan(3);
});

/** A payload that repeats the one before, and the sound of both as native programs decode it. */
const GOLDEN = "52ed263aac9935f07e21d958ba4da8e9e01f7018b96040";
const GOLDEN_SOUND = new URL("../../../../codec/src/voice/golden/decoded.f32", import.meta.url);

test("a payload sounds as it does natively", () => {
  const payload = Uint8Array.from(GOLDEN.match(/../g) ?? [], (digits) => parseInt(digits, 16));
  const expected = new Float32Array(Uint8Array.from(readFileSync(GOLDEN_SOUND)).buffer);
  const decoder = anybody.createSoundDecoder();
  const before = decoder.decodeBefore(payload);
  const sound = [...(before ?? []), ...decoder.decode(payload)];
  expect(sound).toHaveLength(expected.length);
  const loudest = sound.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const error = sound.reduce((most, sample, at) => Math.max(most, Math.abs(sample - (expected[at] ?? 0))), 0);
  expect(error).toBeLessThan(0.01 * loudest);
});

/** What native programs extend that sound to, in steps of 1/32768. */
const GOLDEN_EXTENDED = new URL("../../../../codec/src/voice/golden/decoded_extended.s16", import.meta.url);

test("what is heard of it at 48 kHz is what is heard natively", () => {
  const sound = new Float32Array(Uint8Array.from(readFileSync(GOLDEN_SOUND)).buffer);
  const expected = new Int16Array(Uint8Array.from(readFileSync(GOLDEN_EXTENDED)).buffer);
  const extension = codec.createExtension(VOICE);
  expect(extension.delay).toBeCloseTo((13 / EXTENDED_RATE) * 1000);
  const extended = [0, 1].flatMap((block) => [
    ...extension.extend(sound.subarray(block * FRAME_SAMPLES, (block + 1) * FRAME_SAMPLES)),
  ]);
  expect(extended).toHaveLength(expected.length);
  const loudest = extended.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const error = extended.reduce(
    (most, sample, at) => Math.max(most, Math.abs(sample - (expected[at] ?? 0) / 32_768)),
    0,
  );
  expect(error).toBeLessThan(0.003 * loudest);
});

test("an extension takes 80 ms at a time, of sound alone, and begins anew where it is told to", () => {
  const extension = codec.createExtension(VOICE);
  expect(() => extension.extend(new Float32Array(160))).toThrow("not the media of one payload");
  const first = extension.extend(speak(3)).slice();
  extension.extend(speak(4));
  extension.restart(new Float32Array(0));
  expect(extension.extend(speak(3))).toEqual(first);
  extension.free();
  expect(() => extension.extend(speak(3))).toThrow("used after it was freed");
});

test("silence is sent as nothing but a description of it now and then", () => {
  const encoder = anybody.createEncoder();
  const lengths = Array.from({ length: 12 }, () => {
    encoder.pushSound(new Float32Array(FRAME_SAMPLES));
    return encoder.flush().payload.length;
  });
  expect(lengths.filter((length) => length === 0).length).toBeGreaterThanOrEqual(9);
});

test("a payload that is none is refused, and the decoder goes on", () => {
  const decoder = anybody.createSoundDecoder();
  expect(() => decoder.decode(new Uint8Array(64).fill(0xff))).toThrow("malformed payload");
  expect(decoder.conceal(FRAME_SAMPLES)).toHaveLength(FRAME_SAMPLES);
});

test("the gate compares what was said with what is heard", () => {
  const [encoder, decoder, gate] = [anybody.createEncoder(), anybody.createSoundDecoder(), anybody.createGate()];
  for (let at = 0; at < 20; at++) {
    const sound = speak(at);
    encoder.pushSound(sound);
    const { verdict, scores } = gate.observeSound(sound, decoder.decode(encoder.flush().payload));
    expect(["green", "amber", "red"]).toContain(verdict);
    expect(scores).toHaveLength(1);
  }
});
