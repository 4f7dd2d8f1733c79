import type { PlayedForm } from "./messages.js";

/** Difference of the delays at which a fade repeats and skips nothing: finer is not measured, ms. */
const ALIGNED_MS = 5;
/** At which it is still within what a voluntary switch may repeat or skip, ms. */
const TOLERABLE_MS = 20;
/**
 * After which that is enough, and after which it is done however it sounds, ms: the node sends both
 * forms for 4 s on the way to the model, and for 1.5 s on the way back.
 */
const PATIENCE_MS = { model: 2500, raw: 900 };
const LIMIT_MS = { model: 3700, raw: 1300 };
/** How long the clocks of a form that has just begun may be unknown, ms. */
const UNKNOWN_MS = { model: 2500, raw: 1100 };
/** A pause of both forms this long hides any difference of delays, ms. */
const PAUSE_MS = 60;
/** How often the waits are reckoned anew, ms: how long media waits is measured twice a second. */
const SETTLE_MS = 600;
/** How fast waits grow, while somebody waits for it, and shrink, when nobody does: ms per ms. */
const GROWTH = 0.35;
const DECAY = 0.1;
/** A difference beyond this is a clock that is not known. */
const MAX_SKEW_MS = 2000;
/** Of the raw form, what its latency is made of beside its wait, until it has been seen, ms. */
const USUAL_BASE_MS = 70;
const BASE_WEIGHT = 0.1;

/** What is known while a switch is on its way, ms. */
export interface SwitchInput {
  now: number;
  wanted: PlayedForm;
  /** No waiting for anything but the first sound of it. */
  urgent: boolean;
  /** Whether the form that is not heard has sound that could be. */
  ready: boolean;
  /** Whether the form that is heard still has any. */
  going: boolean;
  /** From capture to ear; `null`: not known. */
  rawLatency: number | null;
  modelLatency: number | null;
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
  #goals: Holds = { raw: 0, model: 0 };
  #holds: Holds = { raw: 0, model: 0 };
  #last: number | null = null;
  #base = USUAL_BASE_MS;

  constructor(heard: PlayedForm) {
    this.#heard = heard;
  }

  /** The form that is heard, or faded to. */
  get heard(): PlayedForm {
    return this.#heard;
  }

  update(input: SwitchInput): SwitchOutput {
    const fade = this.#step(input);
    this.#approach(input.now);
    const { raw, model } = this.#holds;
    return { rawHold: raw > 0 ? raw : null, modelHold: model > 0 ? model : null, fade };
  }

  #step(input: SwitchInput): PlayedForm | null {
    const { now, wanted, ready, urgent } = input;
    if (wanted === this.#heard) {
      // What was held back for a switch is let go once it is done, or called off.
      this.#since = null;
      this.#goals = { raw: 0, model: 0 };
      this.#learnBase(input);
      return null;
    }
    if (this.#since === null) {
      this.#settledAt = now;
      this.#since = now;
      this.#foresee(input);
    }
    if (!ready) return null;
    if (urgent || this.#isMoment(input, now - this.#since)) {
      this.#heard = wanted;
      return wanted;
    }
    this.#align(input);
    return null;
  }

  #isMoment(input: SwitchInput, waited: number): boolean {
    const { wanted, going, quietMs } = input;
    if (quietMs >= PAUSE_MS || waited >= LIMIT_MS[wanted] || !going) return true;
    // Nothing tells the delays apart: the likeness of the two signals alone decides the moment.
    const skew = skewOf(input);
    if (skew === null) return waited >= UNKNOWN_MS[wanted];
    return Math.abs(skew) <= (waited >= PATIENCE_MS[wanted] ? TOLERABLE_MS : ALIGNED_MS);
  }

  /** A raw form that has yet to begin is best begun with the wait that it will need. */
  #foresee({ wanted, modelLatency }: SwitchInput): void {
    if (wanted !== "raw" || modelLatency === null) return;
    const wait = Math.max(0, modelLatency - this.#base);
    this.#holds.raw = wait;
    this.#goals.raw = wait;
  }

  /** What a raw form's latency is made of beside its wait, while it is heard undisturbed. */
  #learnBase({ rawLatency, rawWait }: SwitchInput): void {
    if (this.#heard !== "raw" || rawLatency === null || this.#holds.raw > 0) return;
    this.#base += (rawLatency - rawWait - this.#base) * BASE_WEIGHT;
  }

  /** Says how long the earlier form is to wait. */
  #align(input: SwitchInput): void {
    const { now, rawWait, modelWait } = input;
    const skew = skewOf(input);
    if (skew === null || now < this.#settledAt) return;
    const [early, wait] = skew > 0 ? (["raw", rawWait] as const) : (["model", modelWait] as const);
    const late = skew > 0 ? "model" : "raw";
    this.#settledAt = now + SETTLE_MS;
    if (this.#holds[late] > 0) {
      // A wait that was asked for is taken back before the other form is delayed.
      this.#goals[late] = Math.max(0, this.#holds[late] - Math.abs(skew));
      return;
    }
    // Nothing lower than what it waits now is begun with: that takes its time too.
    if (this.#holds[early] === 0) this.#holds[early] = wait;
    this.#goals[early] = wait + Math.abs(skew);
  }

  /** Nobody hears how a voice is stretched if it is done in small steps. */
  #approach(now: number): void {
    const passed = this.#last === null ? 0 : now - this.#last;
    this.#last = now;
    for (const form of ["raw", "model"] as const) {
      const way = this.#goals[form] - this.#holds[form];
      const decay = this.#since === null ? DECAY : GROWTH;
      this.#holds[form] += Math.max(-passed * decay, Math.min(passed * GROWTH, way));
    }
  }
}

/** Latency of the model form minus that of the raw one; `null`: not known. */
function skewOf({ rawLatency, modelLatency }: SwitchInput): number | null {
  if (rawLatency === null || modelLatency === null) return null;
  const skew = modelLatency - rawLatency;
  return Math.abs(skew) > MAX_SKEW_MS ? null : skew;
}

/** Waits that are asked for at least, ms. */
type Holds = Record<PlayedForm, number>;
