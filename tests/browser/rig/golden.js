// The golden model of a face, and its payloads: codec/tests/face_golden.rs made them, and says how they lie.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "./paths.js";

/** The body of the model, then payloads, as arrays of bytes that a page can be given. */
export function goldenFace() {
  const bytes = readFileSync(join(root, "codec/tests/golden/face.bin"));
  const parts = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    parts.push([...bytes.subarray(at + 4, end)]);
    at = end;
  }
  return parts;
}
