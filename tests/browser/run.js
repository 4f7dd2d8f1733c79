// `node run.js test|bench [name…]`: checks that there is a browser and runs the files of that
// folder one after the other, all of them or those whose names begin so. Files whose names begin
// with `line-` get a network of their own. What cannot run here fails when `CI` is set, and is
// skipped loudly elsewhere.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { ownNetwork, whyNoLines } from "./rig/netns.js";
import { chromiumProgram } from "./rig/paths.js";

const here = dirname(fileURLToPath(import.meta.url));
const [kind, ...names] = process.argv.slice(2);
const files = readdirSync(join(here, kind))
  .filter((file) => file.endsWith(".js") && (names.length === 0 || names.some((name) => file.startsWith(name))));
const ofLines = files.filter((file) => file.startsWith("line-"));
const others = files.filter((file) => !file.startsWith("line-"));

const TEST = ["--test", "--test-force-exit", "--test-concurrency=1", "--test-reporter=spec", "--test-timeout=240000"];

if (canRun("browser tests", whyNoChromium())) {
  const results = [run(others, (command) => command)];
  if (ofLines.length > 0 && canRun("browsers behind shaped lines", whyNoLines())) results.push(run(ofLines, ownNetwork));
  process.exitCode = results.every(Boolean) ? 0 : 1;
}

/** Whether all of them passed. */
function run(chosen, wrapped) {
  const paths = chosen.map((file) => join(here, kind, file));
  const runs = kind === "test" && paths.length > 0 ? [[...TEST, ...paths]] : paths.map((path) => [path]);
  return runs
    .map((words) => {
      const [file, ...rest] = wrapped([process.execPath, ...words]);
      return spawnSync(file, rest, { stdio: "inherit" }).status === 0;
    })
    .every(Boolean);
}

function whyNoChromium() {
  try {
    chromiumProgram();
    return null;
  } catch (error) {
    return error.message;
  }
}

function canRun(what, why) {
  if (why === null) return true;
  if (process.env.CI) throw new Error(`${what}: ${why}`);
  console.log(`SKIPPED: ${what}: ${why}`);
  return false;
}
