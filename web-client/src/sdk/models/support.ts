import type { Codec, Model } from "./codec.js";
import { FRAME_MS, SOUND_RATE } from "./codec.js";
import type { PluginSupport } from "./messages.js";

/** Payloads that are decoded to measure it: the first ones warm up the compiler. */
const WARM_UP = 4;
const MEASURED = 8;
/** Part of the time that decoding one person may take. */
const AFFORDABLE = { sound: 0.3, picture: 0.5 };
/** Size at which a picture is drawn to measure it. */
const WIDTH = 320;
const HEIGHT = 240;

/**
 * Which plug-ins this device decodes, and whether in time: measured where a plug-in has a model that
 * knows nobody, assumed elsewhere. Some 10 ms to 1 s. `now`: a clock, ms.
 */
export function measureSupport(codec: Codec, now: () => number): PluginSupport[] {
  return codec.plugins.map(({ id, version, kind }) => {
    const model = codec.createGenericModel(id);
    const share = model ? shareOfTime(codec, model, kind, now) : 0;
    model?.free();
    return { plugin: id, version, decode: share <= AFFORDABLE[kind] ? "yes" : "tooSlow" };
  });
}

/**
 * Time that decoding, and extending sound, takes over the time that is decoded. Of the quickest
 * payload: others had to wait for a page that is just being entered, which says nothing of the device.
 */
function shareOfTime(codec: Codec, model: Model, kind: "sound" | "picture", now: () => number): number {
  const encoder = model.createEncoder();
  const [step, done] = kind === "sound" ? soundStep(codec, model) : pictureStep(model);
  let quickest = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < WARM_UP + MEASURED; turn++) {
    if (kind === "sound") encoder.pushSound(buzz(turn));
    else encoder.pushPicture(new Uint8Array(WIDTH * HEIGHT * 4).fill(128), WIDTH, HEIGHT, 0);
    const { payload } = encoder.flush();
    const began = now();
    step(payload);
    if (turn >= WARM_UP) quickest = Math.min(quickest, now() - began);
  }
  encoder.free();
  done();
  return quickest / FRAME_MS;
}

function soundStep(codec: Codec, model: Model): [(payload: Uint8Array) => void, () => void] {
  const [decoder, extension] = [model.createSoundDecoder(), codec.createExtension(model.plugin)];
  const step = (payload: Uint8Array) => void extension.extend(decoder.decode(payload));
  return [
    step,
    () => {
      decoder.free();
      extension.free();
    },
  ];
}

function pictureStep(model: Model): [(payload: Uint8Array) => void, () => void] {
  const decoder = model.createPictureDecoder();
  const step = (payload: Uint8Array) => {
    decoder.decode(payload).forEach((_, frame) => decoder.draw(frame, WIDTH, HEIGHT));
  };
  return [step, () => decoder.free()];
}

/** Something like a voice. */
function buzz(turn: number): Float32Array {
  const length = (SOUND_RATE / 1000) * FRAME_MS;
  return Float32Array.from({ length }, (_, at) => {
    const t = (turn * length + at) / SOUND_RATE;
    return 0.2 * Math.sin(2 * Math.PI * 120 * t) + 0.1 * Math.sin(2 * Math.PI * 480 * t);
  });
}
