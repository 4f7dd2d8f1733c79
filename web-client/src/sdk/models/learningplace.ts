import type { LearningPlace } from "./messages.js";

/** What speaks for and against learning a source on this device. */
export interface LearningFacts {
  /** The device was measured, and is too slow. */
  tooSlow: boolean;
  /** The node said that it cannot learn this. */
  refused: boolean;
}

/** Who learns a source of one's own, where the node says `place`. Slowly is better than not at all. Pure. */
export function learnsOnNode(place: LearningPlace, { tooSlow, refused }: LearningFacts): boolean {
  return place === "node" || (place === "auto" && tooSlow && !refused);
}

/** What is looked at together, ms. */
const WINDOW_MS = 10_000;
/** Fewer pictures a second are no camera that runs. */
const LEAST_FPS = 5;
/** Of so many pictures that come, a learner that keeps up takes one at least. */
const SKIPPED = 3;

/**
 * Whether a learner on this device takes enough of the pictures that come: at a third of them it needs a
 * minute for what should take twenty seconds. Pure; times in ms.
 */
export class LearningPace {
  #begun: number | null = null;
  #came = 0;
  #taken = 0;

  /** A picture came, and was learned from or not. Whether the device is too slow, by those up to now. */
  picture(now: number, taken: boolean): boolean {
    this.#begun ??= now;
    this.#came++;
    if (taken) this.#taken++;
    const elapsed = now - this.#begun;
    if (elapsed < WINDOW_MS) return false;
    const runs = this.#came * 1000 >= LEAST_FPS * elapsed;
    const isBehind = this.#taken * SKIPPED < this.#came;
    this.restart();
    return runs && isBehind;
  }

  /** What came up to now says nothing of what follows. */
  restart(): void {
    this.#begun = null;
    [this.#came, this.#taken] = [0, 0];
  }
}
