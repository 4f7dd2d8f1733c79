// node tools/extract-voice-weights.mjs [--check] : writes trained weights from the C source of
// libopus that the package opusic-sys carries to codec/src/voice/weights: lpcnet.bin, of the pitch
// estimator and of the FARGAN vocoder, and bbwenet.bin, of the extension of bandwidth; with --check
// it only compares.
//
// The file has the format of libopus' own weight files (dnn/write_lpcnet_weights.c): per array a
// head of 64 bytes ("DNNw", version 0, type, bytes, bytes with padding, each 32 bits little-endian,
// then the name, padded with zeros), then the bytes, padded with zeros to a multiple of 64. Left out
// is what follows from the rest, the biases for unsigned activations, and what libopus itself leaves
// out unless it is built for debugging: weights as they were before they were rounded to 8 bits.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDER = join(ROOT, "codec/src/voice/weights");
const PACKAGE = "opusic-sys";
const SOURCES = {
  "lpcnet.bin": ["pitchdnn_data.c", "fargan_data.c"],
  "bbwenet.bin": ["bbwenet_data.c"],
};
const BLOCK = 64;
const FLOAT = 0;
const INT8 = 3;
/** Unsigned activations of the C code are 127 more than signed ones. */
const OFFSET = 127;

/** Folder of the package's copy of libopus. */
function libopus() {
  const metadata = JSON.parse(
    execFileSync("cargo", ["metadata", "--format-version=1", "--locked"], { cwd: ROOT, maxBuffer: 256 << 20 }),
  );
  const found = metadata.packages.find(({ name }) => name === PACKAGE);
  if (!found) throw new Error(`${PACKAGE} is not among the dependencies`);
  return join(dirname(found.manifest_path), "opus");
}

/** The arrays of one generated C file, in order: `{ name, type, values }`. */
export function arraysOf(source) {
  const arrays = [];
  for (const [, ctype, name, length, body] of source.matchAll(
    /static const (float|opus_int8) (\w+)\[(\d+)\] = \{([^}]*)\}/g,
  )) {
    const numbers = body.split(",").map((text) => text.trim()).filter(Boolean).map(Number);
    const type = ctype === "float" ? FLOAT : INT8;
    const values = type === FLOAT ? Float32Array.from(numbers) : Int8Array.from(numbers);
    const whole = type === FLOAT ? values.every(Number.isFinite) : numbers.every((n, at) => n === values[at]);
    if (values.length !== Number(length) || !whole) throw new Error(`cannot read ${name}`);
    arrays.push({ name, type, values });
  }
  return arrays;
}

/** The array as a record of the weight file. */
function record({ name, type, values }) {
  const data = Buffer.alloc(Math.ceil(values.byteLength / BLOCK) * BLOCK);
  if (type === FLOAT) values.forEach((value, at) => data.writeFloatLE(value, 4 * at));
  else values.forEach((value, at) => data.writeInt8(value, at));
  const head = Buffer.alloc(BLOCK);
  head.write("DNNw", 0, "latin1");
  [0, type, values.byteLength, data.length].forEach((number, at) => head.writeInt32LE(number, 4 + 4 * at));
  if (head.write(name, 20, "latin1") !== name.length || name.length > 43) throw new Error(`too long: ${name}`);
  return Buffer.concat([head, data]);
}

/** Whether a bias for unsigned activations is what the rest says, and can be left out. */
function follows({ name, values }, all) {
  const of = (what) => all.find((array) => array.name === name.replace("_subias", what))?.values;
  const [weights, scale, bias] = [of("_weights_int8"), of("_scale"), of("_bias")];
  const columns = weights.length / scale.length;
  return values.every((value, row) => {
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const block = (row >> 3) * (columns >> 2) + (column >> 2);
      sum += weights[32 * block + 4 * (row & 7) + (column & 3)];
    }
    const expected = (bias?.[row] ?? 0) - OFFSET * scale[row] * sum;
    return Math.abs(value - expected) < 1e-4 * (1 + Math.abs(expected));
  });
}

/** The source without what only builds for debugging have. */
export function withoutDebugging(source) {
  return source.replaceAll(/#ifndef DISABLE_DEBUG_FLOAT\n[\s\S]*?#endif \/\*DISABLE_DEBUG_FLOAT\*\//g, "");
}

function blob(opus, sources) {
  const read = (file) => withoutDebugging(readFileSync(join(opus, "dnn", file), "utf8"));
  const arrays = sources.flatMap((file) => arraysOf(read(file)));
  const derived = arrays.filter(({ name }) => name.endsWith("_subias"));
  for (const bias of derived) {
    if (!follows(bias, arrays)) throw new Error(`${bias.name} says something of its own`);
  }
  return Buffer.concat(arrays.filter((array) => !derived.includes(array)).map(record));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const opus = libopus();
  const blobs = Object.entries(SOURCES).map(([name, sources]) => [name, blob(opus, sources)]);
  for (const [name, bytes] of [...blobs, ["COPYING.opus", readFileSync(join(opus, "COPYING"))]]) {
    const path = join(FOLDER, name);
    const same = existsSync(path) && readFileSync(path).equals(bytes);
    if (!process.argv.includes("--check")) writeFileSync(path, bytes);
    else if (!same) {
      console.log(`NOTE: ${path} is not what the package's source says`);
      process.exitCode = 1;
    }
    console.log(`${name}: ${bytes.length} bytes, SHA-256 ${createHash("sha256").update(bytes).digest("hex")}`);
  }
}
