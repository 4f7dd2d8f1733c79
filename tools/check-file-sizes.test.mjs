import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { longFiles } from "./check-file-sizes.mjs";

test("this tree has no file past 900 lines", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  assert.deepEqual(longFiles(root).filter(({ refused }) => refused), []);
});

test("a long file is listed, a very long one refused, a generated one passed over", () => {
  const tree = mkdtempSync(join(tmpdir(), "sotto-sizes-"));
  try {
    execFileSync("git", ["init", "--quiet", tree]);
    const lines = (count) => "let x = 1;\n".repeat(count);
    writeFileSync(join(tree, "short.rs"), lines(600));
    writeFileSync(join(tree, "long.ts"), lines(601));
    writeFileSync(join(tree, "huge.svelte"), lines(901));
    writeFileSync(join(tree, "made.ts"), `// This file was automatically generated.\n${lines(2000)}`);
    writeFileSync(join(tree, "Cargo.lock"), lines(2000));
    assert.deepEqual(longFiles(tree), [
      { path: "huge.svelte", lines: 901, refused: true },
      { path: "long.ts", lines: 601, refused: false },
    ]);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
});
