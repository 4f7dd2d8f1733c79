import type { PlayedForm } from "./messages.js";

/** Difference of the delays at which a fade repeats and skips nothing that is heard, ms. */
const ALIGNED_MS = 10;
/** At which it is still within what a voluntary switch may repeat or skip, ms. */
const TOLERABLE_MS = 20;
/** After which that is enough, ms. */
const PATIENCE_MS = 4000;
/** After which it is done however it sounds: the other form costs the line its bytes, ms. */
const LIMIT_MS = 12_000;
/** A pause of both forms this long hides any difference of delays, ms. */
const PAUSE_MS = 60;
/** Part of the difference that one step makes good, and the time that it is given. */
const GAIN = 0.8;
const SETTLE_MS = 700;
/** A difference beyond this is a clock that is not known. */
const MAX_SKEW_MS = 2000;

/** What is known while a switch is on its way, ms. */
export interface SwitchInput {
  now: number;
  wanted: PlayedForm;
  /** No waiting for anything but the first sound of it. */
  urgent: boolean;
  /** Whether the form that is not heard has sound that could be. */
  ready: boolean;
  /** Latency of the model form minus that of the raw one; `null`: not known. */
  skew: number | null;
  /** How long media of each form waits in its buffer. */
  rawWait: number;
  modelWait: number;
  /** For how long both have been quiet. */
  quietMs: number;
}

/** What is to be done. */
export interface SwitchOutput {
  /** Waits to be held at least; `null`: as short as possible. */
  rawHold: number | null;
  modelHold: number | null;
  /** Fade to this form now. */
  fade: PlayedForm | null;
}

/**
 * When and how one person's voice goes from one form to the other: first the earlier form is
 * delayed until both say the same at the same time, or a pause is awaited. Pure.
 */
export class VoiceSwitch {
  #heard: PlayedForm;
  #since: number | null = null;
  #settledAt = 0;
  #holds: { raw: number | null; model: number | null } = { raw: null, model: null };

  constructor(heard: PlayedForm) {
    this.#heard = heard;
  }

  /** The form that is heard, or faded to. */
  get heard(): PlayedForm {
    return this.#heard;
  }

  update(input: SwitchInput): SwitchOutput {
    if (input.wanted === this.#heard) {
      // What was held back for a switch is let go once it is done, or called off.
      this.#since = null;
      this.#holds = { raw: null, model: null };
      return this.#output(null);
    }
    if (this.#since === null) this.#settledAt = input.now;
    this.#since ??= input.now;
    if (!input.ready) return this.#output(null);
    if (input.urgent || this.#isMoment(input, input.now - this.#since)) {
      this.#heard = input.wanted;
      return this.#output(input.wanted);
    }
    this.#align(input);
    return this.#output(null);
  }

  #isMoment({ skew, quietMs }: SwitchInput, waited: number): boolean {
    if (quietMs >= PAUSE_MS || waited >= LIMIT_MS) return true;
    // Nothing tells the delays apart: the likeness of the two signals alone decides the moment.
    if (skew === null || Math.abs(skew) > MAX_SKEW_MS) return waited >= SETTLE_MS;
    return Math.abs(skew) <= (waited >= PATIENCE_MS ? TOLERABLE_MS : ALIGNED_MS);
  }

  #align({ now, skew, rawWait, modelWait }: SwitchInput): void {
    if (skew === null || Math.abs(skew) > MAX_SKEW_MS || now < this.#settledAt) return;
    const step = Math.abs(skew) * GAIN;
    if (skew > 0) this.#holds.raw = Math.max(this.#holds.raw ?? 0, rawWait) + step;
    else this.#holds.model = Math.max(this.#holds.model ?? 0, modelWait) + step;
    this.#settledAt = now + SETTLE_MS;
  }

  #output(fade: PlayedForm | null): SwitchOutput {
    return { rawHold: this.#holds.raw, modelHold: this.#holds.model, fade };
  }
}
