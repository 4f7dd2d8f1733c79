/** How fast a difference between the two clocks is made good, ms per ms: 0.5 %. */
const SLEW = 0.005;
/** A gap in the capture, ms: the clock jumps. */
const JUMP_MS = 200;
/** Weight of one look at the wall clock: messages come late by chance, and never early. */
const EARLIER = 0.2;
const LATER = 0.004;
/**
 * By how much later a page is given the sound of a track than the browser's own encoder, ms: measured
 * in Chromium 156, 17. Both forms of a voice are then of one time.
 */
const HANDED_OVER_MS = 17;

/** The low 32 bits that travel. */
export function mediaTimestamp(ms: number): number {
  const whole = Math.floor(ms) % 0x1_0000_0000;
  return whole < 0 ? whole + 0x1_0000_0000 : whole;
}

/**
 * Media time of captured sound, ms: the page's absolute clock at the first sample, then by the
 * count of samples, so that blocks follow each other without seam; a sound card that runs fast or
 * slow is followed by at most 0.5 %. Pure.
 */
export class CaptureClock {
  readonly #rate: number;
  #time: number | null = null;
  #behind = 0;

  /** `rate`: samples per second as the device claims. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Media time of the first of `samples` that were captured until `now` (ms since 1970). */
  advance(samples: number, now: number): number {
    const length = (samples / this.#rate) * 1000;
    const measured = now - length - HANDED_OVER_MS;
    if (this.#time === null || Math.abs(measured - this.#time) > JUMP_MS) {
      this.#time = measured;
      this.#behind = 0;
    }
    const start = this.#time;
    const news = measured - start - this.#behind;
    this.#behind += news * (news < 0 ? EARLIER : LATER);
    const step = Math.max(-SLEW * length, Math.min(SLEW * length, this.#behind * LATER));
    this.#behind -= step;
    this.#time = start + length + step;
    return start;
  }
}
