// Scenes and their sources as the wasm side lays them out: web-client/wasm/src/scenes.rs.

import type { Scene, ScenePatch, SceneSource } from "./types.js";
import type { Wasm } from "./wasm.js";

/** Words before those of patches, and of each patch. */
const HEAD = 9;
const PATCH_WORDS = 3;
/** Numbers of a patch: places in its source and in the picture, coefficients. */
const [AXES, COEFFICIENTS] = [6, 12];
const PATCH_NUMBERS = 2 * AXES + COEFFICIENTS;
const SOURCE_WORDS = 4;

/** The scene in the outputs, copied. */
export function readScene(wasm: Wasm): Scene {
  const [width = 0, height = 0, level = 0, source = 0, columns = 0, rows = 0, ...rest] = wasm.words(HEAD);
  const [across = 0, down = 0, count = 0] = rest;
  const words = wasm.words(HEAD + PATCH_WORDS * count).subarray(HEAD);
  const numbers = wasm.sound().slice();
  const ofMotion = 2 * columns * rows;
  const patches = Array.from({ length: count }, (_, at): ScenePatch => {
    const [source = 0, width = 0, height = 0] = words.subarray(PATCH_WORDS * at);
    const own = numbers.subarray(ofMotion + PATCH_NUMBERS * at);
    const there = own.subarray(0, AXES);
    const here = own.subarray(AXES, 2 * AXES);
    return { source, width, height, there, here, coefficients: own.subarray(2 * AXES, PATCH_NUMBERS) };
  });
  const begin = 4 * (HEAD + PATCH_WORDS * count);
  const samples = new Int8Array(wasm.output().slice(begin, begin + across * down).buffer);
  const residual = across > 0 ? { width: across, height: down, samples } : null;
  return { width, height, level, source, columns, rows, motion: numbers.subarray(0, ofMotion), patches, residual };
}

/** The source in the outputs, its planes as views. */
export function readSource(wasm: Wasm): SceneSource {
  const [width = 0, height = 0, chromaWidth = 0, chromaHeight = 0] = wasm.words(SOURCE_WORDS);
  const planes = wasm.output().subarray(4 * SOURCE_WORDS);
  const luma = planes.subarray(0, width * height);
  return { width, height, luma, chromaWidth, chromaHeight, chroma: planes.subarray(width * height) };
}
