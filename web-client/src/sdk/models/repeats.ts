/** Blocks remembered by stream: 20 s of blocks of 80 ms, far more than any repair takes. */
const REMEMBERED = 256;

/**
 * Says which blocks of one stream (person and plug-in) came before: bundles repeat them for
 * redundancy and repair. Pure.
 */
export class Repeats {
  readonly #seen = new Set<number>();

  /** Whether the block with this whole media time is new. It is not the next time. */
  isNew(media: number): boolean {
    if (this.#seen.has(media)) return false;
    this.#seen.add(media);
    if (this.#seen.size > REMEMBERED) {
      const { value } = this.#seen.values().next();
      if (value !== undefined) this.#seen.delete(value);
    }
    return true;
  }
}
