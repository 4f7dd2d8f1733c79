// `node run.js test|bench [name…]`: checks that there is a browser and runs the files of that
// folder one after the other, all of them or those whose names begin so.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromiumProgram } from "./rig/paths.js";

const here = dirname(fileURLToPath(import.meta.url));
const [kind, ...names] = process.argv.slice(2);
const files = readdirSync(join(here, kind))
  .filter((file) => file.endsWith(".js") && (names.length === 0 || names.some((name) => file.startsWith(name))))
  .map((file) => join(here, kind, file));

try {
  chromiumProgram();
} catch (error) {
  if (process.env.CI) throw error;
  console.log(`SKIPPED: browser tests: ${error.message}`);
  process.exit(0);
}

const options = ["--test", "--test-concurrency=1", "--test-reporter=spec", "--test-timeout=240000"];
const runs = kind === "test" ? [[...options, ...files]] : files.map((file) => [file]);
const results = runs.map((run) => spawnSync(process.execPath, run, { stdio: "inherit" }));
process.exit(results.every(({ status }) => status === 0) ? 0 : 1);
