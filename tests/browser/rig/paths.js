// Where things lie: the checkout, the cache outside it, the programs under test.

import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the checkout. */
export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** What may be made again: clips, logs, builds. */
export const cache =
  process.env.SOTTO_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "sotto");

/** What a person looks at after a run: screenshots and figures. Not committed. */
export const artifacts = join(root, "tests/browser/artifacts");
mkdirSync(artifacts, { recursive: true });

/** A program of the workspace, built before (`make test-browser` does): `sotto`, `sotto-client`. */
export function program(name) {
  const target = process.env.CARGO_TARGET_DIR ?? join(cache, "target");
  const file = join(target, process.env.SOTTO_PROFILE ?? "debug", name);
  if (!existsSync(file)) throw new Error(`${file} is not built: run make test-browser`);
  return file;
}

/** The Chromium to test with: `SOTTO_CHROMIUM`, else the first one in the PATH. */
export function chromiumProgram() {
  if (process.env.SOTTO_CHROMIUM) return process.env.SOTTO_CHROMIUM;
  const found = inPath("chromium", "chromium-browser", "google-chrome");
  if (!found) throw new Error("no Chromium in the PATH: tools/install test, or set SOTTO_CHROMIUM");
  return found;
}

/** The Firefox to test with: `SOTTO_FIREFOX`, else the first one in the PATH. */
export function firefoxProgram() {
  if (process.env.SOTTO_FIREFOX) return process.env.SOTTO_FIREFOX;
  const found = inPath("firefox-esr", "firefox");
  if (!found) throw new Error("no Firefox in the PATH: tools/install test, or set SOTTO_FIREFOX");
  return found;
}

function inPath(...names) {
  return names
    .flatMap((name) => process.env.PATH.split(delimiter).map((folder) => join(folder, name)))
    .find((file) => existsSync(file));
}
