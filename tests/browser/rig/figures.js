// Numbers of a run: order statistics, and what is kept of them.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { artifacts } from "./paths.js";

/** The value below which the share `p` (0 to 1) of `values` lies: nearest rank. */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)];
}

/** The middle one. */
export function median(values) {
  return percentile(values, 0.5);
}

/** Prints one line that `make test` shows, and keeps the figures in `artifacts/{name}.json`. */
export function report(name, figures) {
  writeFileSync(join(artifacts, `${name}.json`), `${JSON.stringify(figures, null, 2)}\n`);
  console.log(`FIGURE: ${JSON.stringify({ row: name, ...figures })}`);
}
