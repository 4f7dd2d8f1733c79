import { bestFit, COMPARED_RATE, fadeGains } from "./splice.js";
import type { VoiceLine } from "./voiceline.js";

/** An error of the time that is left alone, ms. */
const DEAD_BAND_MS = 3;
/** Largest change of speed: nobody hears it. */
const MAX_STRETCH = 0.005;
/** An error beyond which a splice is better than minutes of another speed, ms. */
const SPLICE_MS = 40;
/** The same where nothing is heard: dropped or inserted at once. */
const QUIET_SPLICE_MS = 8;
/** Below this amplitude (-50 dBFS) a moment is quiet. */
const QUIET_AMPLITUDE = 0.003;
/** Length of a splice, and how far around the goal a better place is looked for, ms. */
const FADE_MS = 8;
const SEARCH_MS = 8;
/** Least time between two splices, ms. */
const REST_MS = 100;
/** Sound made up where none came: the last period of it again and again, fading, ms. */
const CONCEAL_MS = 30;
/** What is compared to find that period, and its bounds, ms. */
const COMPARED_MS = 5;
const PERIOD_MS = { least: 2.5, most: 15 };

/** A longer gap is a pause of the speaker, not of the line, ms. */
const PAUSE_MS = 150;

/**
 * Reads one person's line in time: follows the target by a speed within 0.5 %, by dropping or
 * inserting where it is quiet, and by a splice where it is far off; makes up for what did not come.
 * Pure.
 */
export class VoiceReader {
  readonly #line: VoiceLine;
  readonly #outRate: number;
  #position: number | null = null;
  #splice: { from: number; at: number; likeness: number } | null = null;
  #sinceSplice = Number.POSITIVE_INFINITY;
  #quietFor = 0;
  /** Output samples since the line ran out; `null`: it has not. */
  #starvedFor: number | null = null;
  /** What is made up where nothing came: it still fades when there is something again. */
  #tail: { from: number; period: number; at: number } | null = null;
  #rise = 1;
  #starvations = 0;
  #speed = 1;
  #late = 0;

  constructor(line: VoiceLine, outRate: number) {
    this.#line = line;
    this.#outRate = outRate;
  }

  /** Media time of the next sample; `null`: nothing is being read. */
  get media(): number | null {
    return this.#position === null ? null : this.#line.mediaAt(this.#position);
  }

  /** Position in the line; `null`: nothing is being read. */
  get position(): number | null {
    return this.#position;
  }

  /** How much is decoded ahead, ms. */
  get ahead(): number {
    if (this.#position === null) return 0;
    return ((this.#line.end - this.#position) / this.#line.rate) * 1000;
  }

  /** Whether it runs, and with sound that was sent. */
  get running(): boolean {
    return this.#position !== null && this.#starvedFor === null;
  }

  /** How fast it reads now; 1: as it was said. */
  get speed(): number {
    return this.#speed;
  }

  /** How often sound had to be made up. */
  get starvations(): number {
    return this.#starvations;
  }

  /** How often it came only just too late, not after a pause. */
  get late(): number {
    return this.#late;
  }

  /** Goes on `samples` of the line later, or earlier, without a seam of its own. */
  shift(samples: number): void {
    if (this.#position !== null) this.#position = this.#clamp(this.#position + samples);
  }

  /** The next `out.length` samples; `target`: the media time that is due at the first of them. */
  read(out: Float32Array, target: number | null): void {
    this.#line.fill(this.#position);
    if (target === null || !this.#line.begun) {
      out.fill(0);
      return;
    }
    const step = this.#line.rate / this.#outRate;
    if (this.#position === null || this.#starvedFor !== null) this.#resume(target);
    this.#speed = this.#steer(target, out.length);
    for (let at = 0; at < out.length; at++) out[at] = this.#next(step * this.#speed);
    this.#sinceSplice += out.length;
  }

  #next(step: number): number {
    if (this.#position === null) return 0;
    const made = this.#madeUp(step);
    if (this.#starvedFor !== null) {
      this.#starvedFor++;
      return made;
    }
    if (this.#position >= this.#line.end) return made + this.#starve(step);
    let sample = this.#line.at(this.#position);
    if (this.#splice) {
      const { from, likeness } = this.#splice;
      const [old, fresh] = fadeGains(this.#splice.at / this.#samples(FADE_MS), likeness);
      sample = sample * fresh + this.#line.at(Math.min(from, this.#line.end - 1)) * old;
      this.#splice.from = from + step;
      if (++this.#splice.at >= this.#samples(FADE_MS)) this.#splice = null;
    }
    if (this.#rise < 1) {
      this.#rise = Math.min(1, this.#rise + 1 / this.#samples(FADE_MS));
      sample *= this.#rise;
    }
    this.#position += step;
    this.#quietFor = Math.abs(sample) < QUIET_AMPLITUDE ? this.#quietFor + 1 : 0;
    return sample + made;
  }

  /** There is nothing more: its last period goes on. */
  #starve(step: number): number {
    this.#starvedFor = 0;
    this.#starvations++;
    this.#splice = null;
    const period = this.#lastPeriod();
    const from = (this.#position ?? this.#line.end) - period;
    this.#tail = { from, period, at: 0 };
    return this.#madeUp(step);
  }

  #madeUp(step: number): number {
    if (!this.#tail) return 0;
    const { from, period } = this.#tail;
    const gain = 1 - this.#tail.at / this.#samples(CONCEAL_MS);
    const position = from + ((this.#tail.at++ * step) % period);
    if (gain <= 0 || position < this.#line.start) {
      this.#tail = null;
      return 0;
    }
    return gain * this.#line.at(position);
  }

  /** Samples of the line after which its end repeats what came before. */
  #lastPeriod(): number {
    const { rate, end, start } = this.#line;
    const step = rate / COMPARED_RATE;
    const compared = Math.round((COMPARED_MS / 1000) * COMPARED_RATE);
    const least = Math.round((PERIOD_MS.least / 1000) * COMPARED_RATE);
    const most = Math.round((PERIOD_MS.most / 1000) * COMPARED_RATE);
    const reach = Math.floor((most - least) / 2);
    const reference = end - compared * step;
    if (reference - most * step < start) return most * step;
    const candidate = this.#compared(reference - most * step, compared + most - least);
    const { lag, likeness } = bestFit(this.#compared(reference, compared), candidate, reach);
    return (likeness > 0 ? most - reach - lag : most) * step;
  }

  /** Begins, or goes on after there was nothing: in time, and never with what was heard before. */
  #resume(target: number): void {
    const goal = Math.max(this.#line.positionOf(target), this.#line.start, this.#position ?? 0);
    // Not due yet, or not there yet.
    const early = this.#line.mediaAt(goal) > target + DEAD_BAND_MS;
    if (goal >= this.#line.end || early) return;
    if (this.#starvedFor !== null && this.#starvedFor < this.#samples(PAUSE_MS)) this.#late++;
    this.#position = goal;
    this.#rise = 0;
    this.#starvedFor = null;
  }

  /** The speed for the next samples; splices where that is better. */
  #steer(target: number, length: number): number {
    if (this.#position === null || this.#starvedFor !== null) return 1;
    const error = target - this.#line.mediaAt(this.#position);
    if (Math.abs(error) <= DEAD_BAND_MS) return 1;
    const quiet = this.#quietFor >= this.#samples(FADE_MS) + length;
    const limit = quiet ? QUIET_SPLICE_MS : SPLICE_MS;
    const rested = this.#sinceSplice >= this.#samples(REST_MS);
    if (Math.abs(error) > limit && rested) this.#jump(error, quiet);
    return 1 + Math.max(-MAX_STRETCH, Math.min(MAX_STRETCH, error / 1000));
  }

  #jump(error: number, quiet: boolean): void {
    if (this.#position === null) return;
    const from = this.#position;
    const goal = from + (error / 1000) * this.#line.rate;
    const step = this.#line.rate / COMPARED_RATE;
    const reach = Math.round((SEARCH_MS / 1000) * COMPARED_RATE);
    const span = Math.round((FADE_MS / 1000) * COMPARED_RATE);
    const last = this.#line.end - (span + reach) * step;
    if (goal > last || goal - reach * step < this.#line.start) return;
    let likeness = 0;
    let lag = 0;
    if (!quiet && from + span * step < this.#line.end) {
      const reference = this.#compared(from, span);
      const fit = bestFit(reference, this.#compared(goal - reach * step, span + 2 * reach), reach);
      ({ lag, likeness } = fit);
    }
    this.#splice = { from, at: 0, likeness };
    this.#position = goal + lag * step;
    this.#sinceSplice = 0;
  }

  /** `length` samples from a position on, at the rate at which they are compared. */
  #compared(from: number, length: number): Float32Array {
    const step = this.#line.rate / COMPARED_RATE;
    return Float32Array.from({ length }, (_, at) => this.#line.at(from + at * step));
  }

  #clamp(position: number): number {
    return Math.min(Math.max(position, this.#line.start), this.#line.end - 1);
  }

  #samples(ms: number): number {
    return (ms / 1000) * this.#outRate;
  }
}
