/** Below this mean power (-60 dBFS) nothing can be told from a comparison. */
export const QUIET_POWER = 1e-6;

/**
 * Samples per second at which signals are compared, whatever their rate: the audio thread has 2.7 ms
 * in all, and a comparison costs the square of its rate.
 */
export const COMPARED_RATE = 16_000;

/** Where two signals fit best. */
export interface Fit {
  /** Samples by which the candidate is to be read later. */
  lag: number;
  /** Normalised correlation there, -1 to 1; 0 where one of them is quiet. */
  likeness: number;
}

/** Peaks of the likeness that differ by less than this are as good as each other. */
const AS_GOOD = 0.005;

/**
 * Where `candidate` is most like `reference`: its middle `reference.length` samples are lag 0, and
 * it is longer by twice `maxLag`. Of several places that fit about as well, as the periods of a tone
 * do, the one nearest to 0. Pure.
 */
export function bestFit(reference: Float32Array, candidate: Float32Array, maxLag: number): Fit {
  const likenesses = likenessByLag(reference, candidate, maxLag);
  const highest = likenesses.reduce((best, likeness) => Math.max(best, likeness), 0);
  let best: Fit = { lag: 0, likeness: 0 };
  if (highest === 0) return best;
  likenesses.forEach((likeness, at) => {
    const peak = likeness >= (likenesses[at - 1] ?? -1) && likeness >= (likenesses[at + 1] ?? -1);
    const lag = at - maxLag;
    if (!peak || likeness < highest - AS_GOOD) return;
    if (best.likeness === 0 || Math.abs(lag) < Math.abs(best.lag)) best = { lag, likeness };
  });
  return best;
}

function likenessByLag(reference: Float32Array, candidate: Float32Array, maxLag: number): Float64Array {
  const likenesses = new Float64Array(2 * maxLag + 1);
  const length = reference.length;
  const own = energy(reference, 0, length);
  if (own / length < QUIET_POWER) return likenesses;
  let other = energy(candidate, 0, length);
  for (let from = 0; from < likenesses.length; from++) {
    if (from > 0) other += square(candidate[from + length - 1]) - square(candidate[from - 1]);
    if (other / length < QUIET_POWER) continue;
    let product = 0;
    for (let at = 0; at < length; at++) product += (reference[at] ?? 0) * (candidate[from + at] ?? 0);
    likenesses[from] = product / Math.sqrt(own * other);
  }
  return likenesses;
}

/**
 * Gains of the old and the new signal, `progress` 0 to 1 through a fade, that keep the loudness
 * when the two are this much alike: the same signal fades linearly, two strangers by equal power.
 */
export function fadeGains(progress: number, likeness: number): [number, number] {
  const next = 0.5 - 0.5 * Math.cos(Math.PI * Math.min(1, Math.max(0, progress)));
  const old = 1 - next;
  const power = old * old + next * next + 2 * Math.max(0, likeness) * old * next;
  const scale = 1 / Math.sqrt(power);
  return [old * scale, next * scale];
}

function energy(signal: Float32Array, from: number, length: number): number {
  let sum = 0;
  for (let at = from; at < from + length; at++) sum += square(signal[at]);
  return sum;
}

function square(value: number | undefined): number {
  return (value ?? 0) * (value ?? 0);
}
