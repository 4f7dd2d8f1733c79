import { REACH, interpolate } from "./resampler.js";
import type { BlockSource } from "./ring.js";

/** Samples kept: 2.7 s at 48 kHz. A power of two. */
const KEPT = 131_072;
const MASK = KEPT - 1;
/** A gap of media time that is no gap, ms: media times are whole, and follow a sound card slowly. */
const SEAM_MS = 20;
/** A longer gap is not filled: the stream begins anew behind it. */
const LONGEST_GAP_MS = 500;
/** How fast sound ends and begins where it does not go on, ms. */
const FADE_MS = 5;
/** Weight of a block's own media time against the count of samples. */
const SMOOTHING = 0.1;

/**
 * The decoded sound of one person as one line of samples, in which any media time can be read at any
 * speed. Positions count samples from the beginning of the line. Pure.
 */
export class VoiceLine {
  readonly rate: number;
  readonly #source: BlockSource;
  readonly #samples = new Float32Array(KEPT);
  #written = 0;
  /** Media time of position 0, as the newest blocks tell. */
  #origin: number | null = null;

  /** `rate`: samples per second of the blocks. */
  constructor(source: BlockSource, rate: number) {
    this.#source = source;
    this.rate = rate;
  }

  /** Whether there is, or was, any sound. */
  get begun(): boolean {
    return this.#origin !== null;
  }

  /** First position that can not be read yet. */
  get end(): number {
    return this.#written - REACH;
  }

  /** First position that can still be read. */
  get start(): number {
    return Math.max(0, this.#written - KEPT + REACH);
  }

  mediaAt(position: number): number {
    return (this.#origin ?? 0) + (position / this.rate) * 1000;
  }

  positionOf(media: number): number {
    return ((media - (this.#origin ?? 0)) / 1000) * this.rate;
  }

  /** The sound at `position`, between `start` and `end`. */
  at(position: number): number {
    return interpolate(this.#samples, MASK, position);
  }

  /** Takes over what was decoded meanwhile. Never more than fits behind `position`. */
  fill(position: number | null): void {
    // 120 ms are left free, so that no block overwrites what is being played.
    const room = this.rate * 0.12;
    while (position === null || this.#written - position < KEPT - REACH - room) {
      const block = this.#source.pull();
      if (!block) return;
      this.#append(block.media, block.samples);
    }
  }

  #append(media: number, samples: Float32Array): void {
    if (this.#origin === null) this.#origin = media - this.#length(this.#written);
    const gap = media - this.mediaAt(this.#written);
    const seam = Math.abs(gap) >= SEAM_MS;
    if (seam) this.#fadeOut();
    if (!seam) this.#origin += gap * SMOOTHING;
    else if (gap > 0 && gap <= LONGEST_GAP_MS) this.#silence(Math.round((gap / 1000) * this.rate));
    else this.#origin += gap;
    const rise = seam || this.#written === 0 ? this.#fadeLength : 0;
    samples.forEach((sample, at) => {
      this.#samples[this.#written++ & MASK] = at < rise ? (sample * at) / rise : sample;
    });
  }

  get #fadeLength(): number {
    return Math.round((FADE_MS / 1000) * this.rate);
  }

  /** What does not go on ends softly, as far as it has not been played. */
  #fadeOut(): void {
    const length = Math.min(this.#fadeLength, this.#written);
    for (let back = 1; back <= length; back++) {
      const at = (this.#written - back) & MASK;
      this.#samples[at] = ((this.#samples[at] ?? 0) * back) / length;
    }
  }

  #silence(length: number): void {
    for (let at = 0; at < length; at++) this.#samples[this.#written++ & MASK] = 0;
  }

  #length(samples: number): number {
    return (samples / this.rate) * 1000;
  }
}
