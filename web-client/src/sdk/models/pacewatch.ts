/** What is looked at together, ms. */
const WINDOW_MS = 4_000;
/** Fewer pictures a second are no face that moves. */
const LEAST_FPS = 8;
/** The share of the time from which on it is the device that has no more: a dark room has fewer, too. */
const FULL = 0.85;
/**
 * Time that a picture takes, ms, from which on one of a block is encoded instead of two, and below which
 * it is two again: two thirds of a core at 25 pictures a second.
 */
const DEAR_MS = 26;
const CHEAP_MS = 18;
/**
 * How long it is left to raw media before it is tried again, ms: a model that is being made beside it
 * takes seconds; a device that is too slow stays so.
 */
const RESTS_MS = [8_000, 20_000, 60_000] as const;
/** Times of enough pictures after which the next rest is the shortest again, in windows. */
const FORGIVEN = 8;

/**
 * Whether this device encodes a face often enough, with all that looking at it takes. Pure; times in
 * ms.
 */
export class PaceWatch {
  #begun: number | null = null;
  #pictures = 0;
  #busy = 0;
  #restUntil = Number.NEGATIVE_INFINITY;
  #rests = 0;
  #enough = 0;
  #perBlock: 1 | 2 = 2;

  /** Pictures of a block of 80 ms that this device has time for. */
  get perBlock(): 1 | 2 {
    return this.#perBlock;
  }

  /** So much time went into pictures. */
  spend(ms: number): void {
    this.#busy += ms;
  }

  /** A picture was encoded for those who need it. */
  picture(now: number): void {
    this.#begun ??= now;
    this.#pictures++;
    const elapsed = now - this.#begun;
    if (elapsed < WINDOW_MS) return;
    const each = this.#busy / this.#pictures;
    if (each > DEAR_MS) this.#perBlock = 1;
    else if (each < CHEAP_MS) this.#perBlock = 2;
    const isRare = this.#pictures * 1000 < LEAST_FPS * elapsed;
    if (isRare && this.#busy > FULL * elapsed) this.#rest(now);
    else if (++this.#enough === FORGIVEN) this.#rests = 0;
    this.pause();
  }

  #rest(now: number): void {
    this.#restUntil = now + (RESTS_MS[this.#rests] ?? RESTS_MS[RESTS_MS.length - 1] ?? 0);
    this.#rests = Math.min(this.#rests + 1, RESTS_MS.length - 1);
    this.#enough = 0;
  }

  /** Nobody needs it: what was measured says nothing of what follows. */
  pause(): void {
    this.#begun = null;
    [this.#pictures, this.#busy] = [0, 0];
  }

  isTooSlow(now: number): boolean {
    return now < this.#restUntil;
  }
}
