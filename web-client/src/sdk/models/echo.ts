/** How model voices reach the loudspeaker. */
export type SoundRoute =
  /** From the audio context: its destination. */
  | "context"
  /** Through a connection of this page to itself, as other people's sound comes. */
  | "loopback";

/** Loudness is compared in steps of this, ms. */
export const ENVELOPE_MS = 50;
/** Steps that are compared: 4 s. */
const COMPARED = 80;
/** Latest that an echo comes back, steps. */
const MAX_LAG = 8;
/** From this correlation on the microphone hears what is played. */
const ECHO = 0.75;
/** Loudness (dBFS) below which a step says nothing. */
const QUIET_DB = -60;
/** Least variation of what was played, dB: silence and a steady tone are like everything. */
const LEAST_SPREAD_DB = 4;
/** Findings in a row that are needed. */
const CERTAIN = 3;

/**
 * Finds out whether the echo canceller leaves what we play in the microphone: whether the loudness
 * of the one follows that of the other. Measured with a loudspeaker that leads straight into the
 * microphone: in Chromium 156 everything that the browser plays is cancelled (a context's sound from
 * -22 to -85 dB, an element's to -89, a connection's to -88), unless its canceller for the whole
 * browser is switched off: then a connection's alone (-87; a context's not at all). Firefox 153:
 * -64, -87, -79. So the context is the way, and the loopback is for where an echo is found. Pure.
 */
export class EchoWatch {
  readonly #played: number[] = [];
  readonly #recorded: number[] = [];
  #found = 0;

  /** Loudness of one step, dBFS: what was played, and what the microphone gave. */
  observe(played: number, recorded: number): void {
    this.#played.push(Math.max(played, QUIET_DB));
    this.#recorded.push(Math.max(recorded, QUIET_DB - 20));
    if (this.#played.length <= COMPARED + MAX_LAG) return;
    this.#played.shift();
    this.#recorded.shift();
  }

  /** Whether there is an echo. Asked once every few seconds; it has to be found several times. */
  check(): boolean {
    this.#found = this.#isEcho() ? this.#found + 1 : 0;
    if (this.#found < CERTAIN) {
      if (this.#found > 0) this.#forget();
      return false;
    }
    return true;
  }

  /** So that the next finding is of other sound. */
  #forget(): void {
    this.#played.length = 0;
    this.#recorded.length = 0;
  }

  #isEcho(): boolean {
    if (this.#played.length < COMPARED) return false;
    for (let lag = 0; lag <= Math.min(MAX_LAG, this.#played.length - COMPARED / 2); lag++) {
      const played = this.#played.slice(0, this.#played.length - lag);
      const recorded = this.#recorded.slice(lag);
      if (correlation(played, recorded) >= ECHO) return true;
    }
    return false;
  }
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const meanA = mean(a);
  const meanB = mean(b);
  let [product, powerA, powerB] = [0, 0, 0];
  a.forEach((value, at) => {
    const [x, y] = [value - meanA, (b[at] ?? 0) - meanB];
    product += x * y;
    powerA += x * x;
    powerB += y * y;
  });
  const spread = Math.sqrt(powerA / a.length);
  if (spread < LEAST_SPREAD_DB || powerB === 0) return 0;
  return product / Math.sqrt(powerA * powerB);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
