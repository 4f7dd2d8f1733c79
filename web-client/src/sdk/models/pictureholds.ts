import type { PlayedForm } from "./messages.js";

/** How fast a picture that is seen may be delayed or hurried, ms per ms: nobody sees it. */
const PACE = 0.1;
/** Of the raw form, what its latency is made of beside its wait, until it has been seen, ms. */
const USUAL_BASE_MS = 40;
const BASE_WEIGHT = 0.2;

/** What is known of one tile's picture, ms. */
export interface PictureInput {
  now: number;
  shown: PlayedForm | null;
  wanted: PlayedForm;
  urgent: boolean;
  /** From capture to eye; `null`: not known. */
  modelLatency: number | null;
  rawLatency: number | null;
}

/**
 * How long raw pictures of one tile are to wait, so that a switch between the forms neither skips
 * nor stands still: the raw form comes sooner by itself. Pure.
 */
export class PictureHold {
  #hold = 0;
  #base = USUAL_BASE_MS;
  #last: number | null = null;

  /** The wait to ask for; `null`: as short as possible. */
  update({ now, shown, wanted, urgent, modelLatency, rawLatency }: PictureInput): number | null {
    const most = this.#last === null ? 0 : (now - this.#last) * PACE;
    this.#last = now;
    // Below what it waits anyway, a hold holds nothing back, and tells nothing.
    if (shown === "raw" && rawLatency !== null && this.#hold > 0) {
      const base = Math.max(0, rawLatency - this.#hold);
      this.#base += (base - this.#base) * BASE_WEIGHT;
    }
    const switching = shown !== null && shown !== wanted && !urgent;
    const goal = switching && modelLatency !== null ? Math.max(0, modelLatency - this.#base) : 0;
    if (shown === "model") {
      // Nobody sees the raw form: it begins with the wait that it will need.
      this.#hold = goal;
    } else {
      if (this.#hold === 0 && goal > 0 && rawLatency !== null) {
        // Nothing lower than what it waits now is begun with: that takes its time too.
        this.#hold = Math.min(goal, Math.max(0, rawLatency - this.#base));
      }
      this.#hold += Math.max(-most, Math.min(most, goal - this.#hold));
    }
    return this.#hold > 0 ? this.#hold : null;
  }
}
