/** How fast a difference between the two clocks is made good, ms per ms: 0.5 %. */
const SLEW = 0.005;
/** Pieces of sound of which the one that came soonest tells the time: some 0.7 s. */
const WINDOW = 64;
/** A difference that is no drift, ms: the clock jumps. */
const JUMP_MS = 30;
/** How fast the least delay of a camera's frames is forgotten, ms per frame. */
const FORGET_MS = 0.05;
/**
 * By how much later sound comes by the audio graph than it comes from the track itself, as the
 * browser's own encoder has it, ms: measured in Chromium 156, 17. Both forms of a voice are then of one
 * time.
 */
export const GRAPH_LATE_MS = 17;

/** The low 32 bits that travel. */
export function mediaTimestamp(ms: number): number {
  const whole = Math.floor(ms) % 0x1_0000_0000;
  return whole < 0 ? whole + 0x1_0000_0000 : whole;
}

/**
 * Media time of captured sound, ms: the page's absolute clock, by the count of samples, so that pieces
 * follow each other without seam however late they are handed over. A sound card that runs fast or
 * slow is followed by at most 0.5 %. Pure.
 */
export class CaptureClock {
  readonly #rate: number;
  readonly #lateBy: number;
  #time: number | null = null;
  #soonest = Number.POSITIVE_INFINITY;
  #pieces = 0;
  /** By how much the clock has to go on beside what it counts, ms. */
  #behind = 0;

  /** `rate`: samples per second as the device claims; `lateBy`: how late they are handed over at best, ms. */
  constructor(rate: number, lateBy: number) {
    this.#rate = rate;
    this.#lateBy = lateBy;
  }

  /** Media time of the first of `samples` that were captured until `now` (ms since 1970). */
  advance(samples: number, now: number): number {
    const length = (samples / this.#rate) * 1000;
    const measured = now - length - this.#lateBy;
    // Messages come late by chance, and never early: then the clock was ahead.
    if (this.#time === null || measured < this.#time - JUMP_MS) this.#restart(measured);
    const start = this.#time ?? measured;
    this.#soonest = Math.min(this.#soonest, measured - start);
    if (++this.#pieces >= WINDOW) this.#judge();
    const step = Math.max(-SLEW * length, Math.min(SLEW * length, this.#behind));
    this.#behind -= step;
    this.#time = (this.#time ?? start) + length + step;
    return start;
  }

  #restart(time: number): void {
    this.#time = time;
    this.#behind = 0;
    this.#soonest = Number.POSITIVE_INFINITY;
    this.#pieces = 0;
  }

  /** What even the soonest of many pieces was late by is no chance. */
  #judge(): void {
    if (this.#soonest > JUMP_MS) this.#time = (this.#time ?? 0) + this.#soonest;
    else this.#behind = this.#soonest;
    this.#soonest = Number.POSITIVE_INFINITY;
    this.#pieces = 0;
  }
}

/** Media time of captured pictures, ms: by their own timestamps, however late they are handed over. */
export class FrameClock {
  #delay = Number.POSITIVE_INFINITY;

  /** `timestamp`: of the frame, on any clock, ms; `now`: ms since 1970. */
  at(timestamp: number, now: number): number {
    const delay = now - timestamp;
    // Another clock, or one that stood still.
    const other = Math.abs(delay - this.#delay) > 1000;
    this.#delay = other ? delay : Math.min(delay, this.#delay + FORGET_MS);
    return timestamp + this.#delay;
  }
}
