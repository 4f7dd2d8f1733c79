// How long the machine kept anything waiting for a processor: what is late meanwhile may be late for
// that alone.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Between two looks, ms. */
const STEP_MS = 10;
/** Pressure stall information, where the kernel has it. */
export const PRESSURE = "/proc/pressure/cpu";

/**
 * Looks until `stop()`, which gives `[{ at, waited }]`: until `at` (ms since 1970), something has waited
 * for so many ms. Never less than it was. Where the kernel does not say: by how much the looks themselves
 * came late.
 */
export function watchMachine() {
  const looks = [];
  const step = pressure() === null ? ownLateness() : pressure;
  const look = () => looks.push({ at: performance.timeOrigin + performance.now(), waited: step() });
  look();
  const timer = setInterval(look, STEP_MS);
  return {
    stop() {
      clearInterval(timer);
      look();
      return looks;
    },
  };
}

/** The most that anything can have waited between two times, ms. */
export function waitedBetween(looks, from, to) {
  const before = looks.findLast(({ at }) => at <= from) ?? looks[0];
  const after = looks.find(({ at }) => at >= to) ?? looks.at(-1);
  return Math.min(to - from, Math.max(0, after.waited - before.waited));
}

/** Time in which something waited, ms; `null`: the kernel does not say. */
function pressure() {
  try {
    const total = Number(/^some .*total=(\d+)/m.exec(readFileSync(PRESSURE, "utf8"))?.[1]);
    // A mean over the processors, of which one alone may have been the one in demand.
    return (total / 1000) * availableParallelism();
  } catch {
    return null;
  }
}

function ownLateness() {
  let [last, waited] = [performance.now(), 0];
  return () => {
    const now = performance.now();
    waited += Math.max(0, now - last - STEP_MS);
    last = now;
    return waited;
  };
}
