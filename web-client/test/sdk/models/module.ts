// The codec as tests load it, with its test plug-ins: made by `make wasm`.

import { readFileSync } from "node:fs";
import { Codec, FRAME_SAMPLES, SOUND_RATE } from "../../../src/sdk/models/codec.js";

const WASM = new URL("../../../../tests/browser/sotto-codec-test.wasm", import.meta.url);

/** The voice plug-in. */
export const VOICE = 1;
export const FACE = 9;
/** Numbers of the test plug-ins. */
export const TONE = 7;
export const BAR = 15;

/** A codec of its own. */
export function loadTestCodec(): Promise<Codec> {
  return Codec.load(readFileSync(WASM));
}

/** Blocks of 80 ms of one tone at half of the full level. */
export function tone(frequency: number, blocks: number): Float32Array[] {
  const step = (2 * Math.PI * frequency) / SOUND_RATE;
  return Array.from({ length: blocks }, (_, block) =>
    Float32Array.from({ length: FRAME_SAMPLES }, (_, at) => {
      return 0.5 * Math.sin(step * (block * FRAME_SAMPLES + at));
    }),
  );
}

/** RGBA of white bars on green, 8 % of the width each, their middles in per mille. */
export function bars(width: number, height: number, ...positions: number[]): Uint8Array {
  const rgba = new Uint8Array(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = (((pixel % width) + 0.5) / width) * 1000;
    const inside = positions.some((position) => Math.abs(at - position) <= 40);
    rgba.set(inside ? [240, 240, 240, 255] : [20, 120, 40, 255], pixel * 4);
  }
  return rgba;
}
