// A file past 600 lines is a design question and is listed; one past 900 is refused. Generated
// files say so in their first lines and are passed over, as are lock files and corpora.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LISTED = 600;
const REFUSED = 900;
const CODE = /(^|\/)(Makefile|[^/.]+)$|\.(rs|ts|js|mjs|svelte|css|html|sh|py|toml|md)$/;
const NOT_OURS = /(^|\/)(LICENSE-[A-Z]+|corpus\/.*)$/;
const GENERATED = /@generated|automatically generated/i;

/** The files of the git checkout at `root` that are too long: `{ path, lines, refused }`. */
export function longFiles(root) {
  const listing = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return listing
    .split("\0")
    .filter((path) => CODE.test(path) && !NOT_OURS.test(path) && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
    .filter(({ text }) => !GENERATED.test(text.split("\n", 5).join("\n")))
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > LISTED)
    .map(({ path, lines }) => ({ path, lines, refused: lines > REFUSED }))
    .sort((a, b) => b.lines - a.lines);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url));
  for (const { path, lines, refused } of longFiles(root)) {
    const verdict = refused ? `refused: more than ${REFUSED} lines` : `a design question past ${LISTED}`;
    console.log(`NOTE: ${path} has ${lines} lines (${verdict})`);
    if (refused) process.exitCode = 1;
  }
}
