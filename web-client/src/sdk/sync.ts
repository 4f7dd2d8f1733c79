/** Skew that is left alone, ms: people notice nothing below 45, the measurement is good to 10. */
const DEAD_BAND_MS = 12;
/** Part of the skew that one step takes away: less than all, as measuring lags behind. */
const GAIN = 0.7;
/** Largest step, ms. */
const MAX_STEP_MS = 120;
/** Largest delay that is ever asked for, ms: more hurts a conversation more than it helps. */
const MAX_TARGET_MS = 1000;
/** A skew beyond this is a clock that is not known yet, not a skew. */
const MAX_SKEW_MS = 3000;
/** Measurements of which the median counts. */
const WINDOW = 9;
/** A new target takes effect slowly (Chromium moves a picture by 100 ms a second). */
const SETTLE_MS = 1200;

/** What the two halves of one person's media do now, ms. */
export interface SyncInput {
  /** Any clock that does not jump. */
  now: number;
  /** Latency of the picture minus that of the voice: above 0 when the voice comes too early.
   * `null`: not known. */
  skew: number | null;
  /** Time that media waits in each jitter buffer. */
  audioDelay: number;
  videoDelay: number;
}

/** `jitterBufferTarget` of the two receivers, ms; `null`: the browser's own choice. */
export interface SyncTargets {
  audio: number | null;
  video: number | null;
}

/**
 * Brings one person's voice and picture together by delaying whichever is early, slowly. A delay
 * that was asked for is taken back before the other side is delayed. Pure.
 */
export class SyncController {
  #targets: SyncTargets = { audio: null, video: null };
  #skews: number[] = [];
  #settledAt = Number.NEGATIVE_INFINITY;

  get targets(): SyncTargets {
    return this.#targets;
  }

  /** The targets after this measurement. */
  update({ now, skew, audioDelay, videoDelay }: SyncInput): SyncTargets {
    if (skew === null || Math.abs(skew) > MAX_SKEW_MS || now < this.#settledAt) {
      this.#skews = [];
      return this.#targets;
    }
    this.#skews.push(skew);
    if (this.#skews.length < WINDOW) return this.#targets;
    const middle = median(this.#skews);
    this.#skews.shift();
    if (Math.abs(middle) <= DEAD_BAND_MS) return this.#targets;
    this.#step(middle, { audio: audioDelay, video: videoDelay });
    this.#settledAt = now + SETTLE_MS;
    return this.#targets;
  }

  #step(skew: number, delay: Record<"audio" | "video", number>): void {
    const step = Math.min(Math.abs(skew) * GAIN, MAX_STEP_MS);
    const early = skew > 0 ? "audio" : "video";
    const late = skew > 0 ? "video" : "audio";
    const held = this.#targets[late];
    if (held !== null) {
      // Below what it would wait anyway, a target holds nothing back.
      const lowered = Math.min(held, delay[late]) - step;
      this.#targets = { ...this.#targets, [late]: lowered > 0 ? lowered : null };
    } else {
      const base = Math.max(this.#targets[early] ?? 0, delay[early]);
      this.#targets = { ...this.#targets, [early]: Math.min(base + step, MAX_TARGET_MS) };
    }
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
