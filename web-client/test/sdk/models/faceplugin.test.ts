import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FACE, loadTestCodec } from "./module.js";

const GOLDEN = new URL("../../../../codec/tests/golden/", import.meta.url);

/** The body of a model, and payloads: codec/tests/face_golden.rs made them, and says how they lie. */
function golden(): Uint8Array[] {
  const bytes = readFileSync(new URL("face.bin", GOLDEN));
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 4 + (parts.at(-1)?.length ?? 0)) {
    parts.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at)));
  }
  return parts;
}

/** FNV-1a. */
const hash = (bytes: Uint8ClampedArray) =>
  bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);

/** A decoder of the golden model, and its payloads. */
async function goldenDecoder() {
  const codec = await loadTestCodec();
  const [body, ...payloads] = golden();
  if (!body) throw new Error("there is a model");
  const { bytes } = codec.writeContainer({ plugin: FACE, epoch: 1, createdAt: 0, body });
  return { decoder: codec.createModel(bytes).createPictureDecoder(), payloads };
}

test("a face is drawn as it is natively, byte for byte", async () => {
  const { decoder, payloads } = await goldenDecoder();
  const lines = readFileSync(new URL("face.txt", GOLDEN), "utf8").trim().split("\n");
  let decoded = -1;
  for (const line of lines) {
    const [payload, frame, width, height] = line.split(" ").map(Number) as [number, number, number, number];
    if (payload !== decoded) decoder.decode(payloads[payload] as Uint8Array);
    decoded = payload;
    const drawn = hash(decoder.draw(frame, width, height)).toString(16).padStart(8, "0");
    expect(`${payload} ${frame} ${width} ${height} ${drawn}`).toBe(line);
  }
  expect(decoded).toBe(payloads.length - 1);
});

test("a frame tells what it is made of, and hands out the planes of that", async () => {
  const { decoder, payloads } = await goldenDecoder();
  let [patches, residuals] = [0, 0];
  for (const payload of payloads) {
    for (const frame of decoder.decode(payload).keys()) {
      const scene = decoder.scene(frame, 100);
      if (!scene) throw new Error("faces have scenes");
      expect(scene).toMatchObject({ width: 192, height: 160, level: 0, columns: 13, rows: 11 });
      expect(scene.motion.length).toBe(2 * 13 * 11);
      expect(decoder.source(scene.source, 1)).toMatchObject({ width: 96, height: 80, chromaWidth: 48, chromaHeight: 40 });
      for (const { source, width, height, here, there, coefficients } of scene.patches) {
        const { luma, chroma } = decoder.source(source, scene.level);
        expect([luma.length, chroma.length]).toEqual([width * height, (width * height) / 2]);
        expect([here.length, there.length, coefficients.length]).toEqual([6, 6, 12]);
        // The middle of a mouth or an eye is in the picture.
        expect(here[0]).toBeGreaterThan(0);
        expect(here[0]).toBeLessThan(192);
      }
      patches += scene.patches.length;
      if (!scene.residual) continue;
      const { width, height, samples } = scene.residual;
      expect([width, height, samples.length]).toEqual([192, 160, 192 * 160]);
      expect(samples.some((sample) => sample < 0)).toBe(true);
      residuals++;
    }
  }
  expect(patches).toBeGreaterThan(payloads.length);
  expect(residuals).toBeGreaterThan(0);
  expect(() => decoder.scene(9, 100)).toThrow("no such frame");
  expect(() => decoder.source(1000, 0)).toThrow("no such source");
});
