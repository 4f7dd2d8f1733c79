import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { execFileSync } from "node:child_process";

import { arraysOf, withoutDebugging } from "./extract-voice-weights.mjs";

test("arrays are read as the C code has them", () => {
  const source = `
    static const opus_int8 layer_weights_int8[3] = {\n1,-127,\n5\n};
    static const float layer_bias[2] = {\n-0.5,1e-3\n};
    const WeightArray arrays[] = { {NULL, 0, 0, NULL} };`;
  assert.deepEqual(arraysOf(source), [
    { name: "layer_weights_int8", type: 3, values: Int8Array.of(1, -127, 5) },
    { name: "layer_bias", type: 0, values: Float32Array.of(-0.5, 1e-3) },
  ]);
});

test("numbers that do not fit are refused", () => {
  for (const array of ["opus_int8 a[1] = {128}", "opus_int8 a[2] = {1}", "float a[1] = {x}"]) {
    assert.throws(() => arraysOf(`static const ${array};`), /cannot read a/, array);
  }
});

test("what only builds for debugging have is left out", () => {
  const source = `before
#ifndef DISABLE_DEBUG_FLOAT
static const float layer_weights_float[1] = {\n0.5\n};
#endif /*DISABLE_DEBUG_FLOAT*/
#endif /* USE_WEIGHTS_FILE */
after`;
  assert.equal(withoutDebugging(source), "before\n\n#endif /* USE_WEIGHTS_FILE */\nafter");
});

test("the weights of this tree are those of the package", () => {
  const script = fileURLToPath(new URL("extract-voice-weights.mjs", import.meta.url));
  execFileSync("node", [script, "--check"]); // which exits with 1 if not
});
