/** Arrivals of which the transit times count: about 8 s. */
const WINDOW = 100;
/** Part of the arrivals that must be in time: each that is not is heard. */
const IN_TIME = 0.98;
/**
 * Blocks that come in their order within this of the one before, ms, came with it, or were held up
 * with it: the fastest of them tells what the line takes. What a stall of the machine lets go is late
 * by all of it, and no wait would have been of use to somebody whose sound stood still, too.
 */
const TOGETHER_MS = 10;
/** Beyond the slowest of those, ms: for decoding, and for an audio thread that takes some at once. */
const MARGIN_MS = 10;
/** Before anything is known of a stream's jitter, ms. */
const FIRST_JITTER_MS = 30;
/** Blocks after which the window is believed. */
const SETTLED = 12;
/** How fast the delay falls again, ms per second: what 0.5 % of speed can follow. */
const FALL_MS_PER_S = 5;
/** Part of what is too much that goes per second where that is more: a voice drops it in splices. */
const FALL_PART_PER_S = 0.1;
/** After nothing came for so long, ms, nobody sees or hears by how much the delay falls. */
const PAUSE_MS = 500;
/** A jump of the publisher's clock, ms: everything before is forgotten. */
const RESTART_MS = 3000;

/**
 * When one person's model frames are played: media time + delay, on the local clock. Voice and face
 * of one person share one, so lips and voice agree. The delay is as long as the slowest of nearly
 * all arrivals took; it grows at once and falls slowly, but where nothing was played. Clock differences between publisher and
 * subscriber are part of it, and so is their drift. Pure: times are arguments, ms.
 */
export class PlayoutClock {
  #transits: number[] = [];
  #delay: number | null = null;
  #lastAt = 0;
  #lastMedia = 0;
  /** Time that media is to wait at least, for the other half of the person's media. */
  #hold = 0;
  /** Time that media takes from here to whoever plays it. */
  #lead = 0;

  /** Local time minus media time of what is played; `null` before the first block. */
  get delay(): number | null {
    return this.#delay;
  }

  /** How long media waits here, ms: over the fastest transit. */
  get wait(): number {
    return this.#delay === null ? 0 : this.#delay - Math.min(...this.#transits);
  }

  /** Media time that is due at `local`. */
  mediaAt(local: number): number | null {
    return this.#delay === null ? null : local - this.#delay;
  }

  /** Has media wait at least this long, ms; 0: as short as the line allows. */
  setHold(ms: number): void {
    this.#hold = Math.max(0, ms);
    if (this.#delay !== null) this.#delay = Math.max(this.#delay, this.#held());
  }

  /** Media must be here so long before it is played, ms: the way from here to the ear. */
  setLead(ms: number): void {
    this.#lead = ms;
  }

  /** A block that was not here before arrived. */
  observe(media: number, at: number): void {
    const transit = at - media;
    if (this.#transits.length > 0 && Math.abs(transit - this.#median()) > RESTART_MS) {
      this.#transits = [];
      this.#delay = null;
    }
    const passed = at - this.#lastAt;
    const before = this.#transits.at(-1);
    // One that comes behind a later one was lost and repaired.
    if (before !== undefined && passed < TOGETHER_MS && media >= this.#lastMedia) {
      this.#transits[this.#transits.length - 1] = Math.min(before, transit);
    } else {
      this.#transits.push(transit);
      if (this.#transits.length > WINDOW) this.#transits.shift();
    }
    const wanted = Math.max(this.#needed(), this.#held());
    if (this.#delay === null || wanted >= this.#delay || passed >= PAUSE_MS) this.#delay = wanted;
    else {
      const rate = Math.max(FALL_MS_PER_S, (this.#delay - wanted) * FALL_PART_PER_S);
      this.#delay = Math.max(wanted, this.#delay - (Math.max(0, passed) / 1000) * rate);
    }
    this.#lastAt = at;
    this.#lastMedia = media;
  }

  #needed(): number {
    const sorted = [...this.#transits].sort((a, b) => a - b);
    const fastest = sorted[0] ?? 0;
    const late = Math.floor(sorted.length * (1 - IN_TIME));
    const slow = sorted[sorted.length - 1 - late] ?? fastest;
    const jitter = sorted.length < SETTLED ? Math.max(FIRST_JITTER_MS, slow - fastest) : slow - fastest;
    return fastest + jitter + MARGIN_MS + this.#lead;
  }

  #held(): number {
    return this.#hold === 0 ? Number.NEGATIVE_INFINITY : Math.min(...this.#transits) + this.#hold;
  }

  #median(): number {
    const sorted = [...this.#transits].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }
}
