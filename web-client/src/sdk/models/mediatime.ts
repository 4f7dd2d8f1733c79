const WRAP_16 = 0x1_0000;
const WRAP_32 = 0x1_0000_0000;

/** The number with these low bits that is nearest to `near`; `wrap` is 2 to the number of bits. */
export function nearest(low: number, near: number, wrap: number): number {
  const turns = Math.round((near - low) / wrap);
  return low + turns * wrap;
}

/**
 * Media times of one publisher, ms, made whole: bundles carry their low 16 bits, `forms` messages
 * the low 32. Which turn of the 16 bits it is follows from the time that has passed since: right as
 * long as nothing is silent for half a minute and then comes more than 32 s too late. Pure.
 */
export class MediaTimeline {
  #last: { media: number; at: number } | null = null;

  /** The node said that this u32 media time was captured some moments before `at` (ms, any clock). */
  anchor(timestamp: number, at: number): void {
    const near = this.#expected(at);
    const media = near === null ? timestamp : nearest(timestamp, near, WRAP_32);
    // Only the turn was unknown; what is known of the running stream is finer.
    if (near === null || Math.abs(media - near) > WRAP_16 / 2) this.#last = { media, at };
  }

  /** The whole media time of a block that arrived at `at`. */
  whole(low16: number, at: number): number {
    const media = nearest(low16, this.#expected(at) ?? low16, WRAP_16);
    if (!this.#last || media > this.#last.media) this.#last = { media, at };
    return media;
  }

  #expected(at: number): number | null {
    return this.#last && this.#last.media + (at - this.#last.at);
  }
}
