// People of the tests: a name, a number, and the devices that go with it.

import { blocks, hex, pitch } from "./identity.js";
import { cameraClip, voiceClip } from "./media.js";

/** Fake device files of person `number` for a whole Chromium process. */
export async function deviceFiles(number) {
  return { camera: await cameraClip(number), voice: await voiceClip(number) };
}

/** Painted picture and made voice of person `number` for one page: see page/devices.js. */
export function painted(number, { width = 320, height = 180, rate = 15 } = {}) {
  const colours = blocks(number).map((block) => `#${hex(block)}`);
  return { painted: { colours, width, height, rate, pitch: pitch(number) } };
}

/** The share of measured pitches that are those of person `number`, 0 to 1. */
export function heardAs(number, pitches) {
  const near = pitches.filter((value) => Math.abs(value - pitch(number)) <= pitch(number) * 0.03);
  return pitches.length === 0 ? 0 : near.length / pitches.length;
}

/** The share of presented frames that show person `number`, 0 to 1. */
export function seenAs(number, identities) {
  const all = Object.values(identities).reduce((sum, count) => sum + count, 0);
  return all === 0 ? 0 : (identities[number] ?? 0) / all;
}
