import { kaiser, sinc } from "./window.js";

/** Zero crossings of the filter on each side: 60 dB and more from 7.4 kHz on. */
const CROSSINGS = 16;
/** Shape of the Kaiser window. */
const BETA = 7;
/** Part of the band that is kept: the rest is for the filter's slope. */
const KEPT = 0.92;
/** Steps between two samples for which the filter is tabulated. */
const PHASES = 128;

/**
 * Sound at a lower rate, without seams between its pieces. Costs, from 48 to 16 kHz, some 100
 * multiplications a sample. Pure.
 */
export class Downsampler {
  readonly #step: number;
  readonly #half: number;
  readonly #table: Float32Array;
  #line = new Float32Array(0);
  /** Of the next sample, in `#line`. */
  #position: number;

  /** From a higher to a lower rate, samples per second. */
  constructor(from: number, to: number) {
    this.#step = from / to;
    this.#half = Math.ceil((CROSSINGS * this.#step) / KEPT);
    this.#table = filterTable(KEPT / this.#step, this.#half);
    this.#position = this.#half;
    this.#line = new Float32Array(this.#half);
  }

  /** The samples that these make possible. */
  push(samples: Float32Array): Float32Array {
    const line = new Float32Array(this.#line.length + samples.length);
    line.set(this.#line);
    line.set(samples, this.#line.length);
    const count = Math.max(0, Math.ceil((line.length - this.#half - this.#position) / this.#step));
    const out = new Float32Array(count);
    for (let at = 0; at < count; at++) out[at] = this.#at(line, this.#position + at * this.#step);
    const next = this.#position + count * this.#step;
    const used = Math.max(0, Math.floor(next) - this.#half);
    this.#line = line.slice(used);
    this.#position = next - used;
    return out;
  }

  #at(line: Float32Array, position: number): number {
    const whole = Math.floor(position);
    const taps = this.#half * 2;
    const phase = Math.round((position - whole) * PHASES) * taps;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      sum += (line[whole - this.#half + 1 + tap] ?? 0) * (this.#table[phase + tap] as number);
    }
    return sum;
  }
}

/** Taps by phase; `cutoff`: part of the input's band that is kept. */
function filterTable(cutoff: number, half: number): Float32Array {
  const taps = half * 2;
  const table = new Float32Array((PHASES + 1) * taps);
  for (let phase = 0; phase <= PHASES; phase++) {
    const row = Array.from({ length: taps }, (_, tap) => {
      const x = tap - half + 1 - phase / PHASES;
      return sinc(cutoff * x) * kaiser(x / half, BETA);
    });
    const gain = row.reduce((sum, tap) => sum + tap, 0);
    table.set(row.map((tap) => tap / gain), phase * taps);
  }
  return table;
}
