import { expect, test } from "vitest";

import { Codec, FRAME_SAMPLES, GENERIC_EPOCH, SOUND_RATE } from "../../../src/sdk/models/codec.js";
import { ownVoices } from "../../../src/sdk/models/ownmodels.js";
import { loadTestCodec, TONE, tone, VOICE } from "./module.js";

const generic = (codec: Codec) => codec.createGenericModel(VOICE) ?? expect.fail("a voice has one");

/** A model of somebody's tone, of this epoch. */
function learned(codec: Codec, epoch: number) {
  const learner = codec.createLearner(TONE);
  for (const block of tone(440, 60)) learner.pushSound(block);
  const body = learner.finish();
  const { bytes } = codec.writeContainer({ plugin: TONE, epoch, createdAt: 0, body });
  return codec.createModel(bytes);
}

test("a voice is encoded in the generic model until its own is asked for, and everybody can decode it", async () => {
  const codec = await loadTestCodec();
  const voices = ownVoices();
  expect([voices.of(null), voices.has(GENERIC_EPOCH)]).toEqual([null, false]);
  voices.add(generic(codec));
  expect(voices.has(GENERIC_EPOCH)).toBe(true);
  voices.add(learned(codec, 1));
  expect([GENERIC_EPOCH, 1, null].map((epoch) => voices.of(epoch)?.epoch)).toEqual([0, 1, 1]);

  const decoder = generic(await loadTestCodec()).createSoundDecoder();
  const tools = voices.of(GENERIC_EPOCH) ?? expect.fail("it is there");
  const payloads = tone(220, 12).map((block) => tools.encode(block, SOUND_RATE).payload);
  const decoded = payloads.map((payload) => decoder.decode(payload).slice());
  expect(decoded.every((samples) => samples.length === FRAME_SAMPLES)).toBe(true);
  expect(Math.max(...(decoded.at(-1) ?? []))).toBeGreaterThan(0.01);
});
