import type { PluginSupport } from "./messages.js";
import { sourceOf } from "./messages.js";

/** What is looked at together, ms. */
const WINDOW_MS = 2_000;
/** The share of it from which on something will come too late. */
const FULL = 0.8;
/** Windows in a row that are too full. */
const FULL_WINDOWS = 2;
/** How long something is left to raw media before it is tried again, ms; twice as long each time. */
const REST_MS = 30_000;
const MAX_REST_MS = 480_000;

interface Rest {
  until: number;
  length: number;
}

/**
 * Whether this device makes sound and pictures of models in time while it does: the share of its time
 * that a worker needs for them. Pictures are given up first, then voices. Pure; times in ms.
 */
export class Workload {
  #begun: number | null = null;
  #busy = 0;
  #full = 0;
  readonly #rests: Record<"camera" | "microphone", Rest> = {
    camera: { until: 0, length: REST_MS },
    microphone: { until: 0, length: REST_MS },
  };
  /** Whether pictures and voices rest, as it was said last. */
  #said = "false false";

  /** So much time went into decoding and drawing. */
  spend(ms: number): void {
    this.#busy += ms;
  }

  /** Looks at the time that is over. Whether `limit` says something else now. */
  look(now: number): boolean {
    this.#begun ??= now;
    const elapsed = now - this.#begun;
    if (elapsed >= WINDOW_MS) {
      this.#full = this.#busy > FULL * elapsed ? this.#full + 1 : 0;
      [this.#begun, this.#busy] = [now, 0];
      if (this.#full >= FULL_WINDOWS) {
        this.#giveUp(now);
        this.#full = 0;
      }
    }
    const { camera, microphone } = this.#rests;
    const news = `${now < camera.until} ${now < microphone.until}`;
    if (news === this.#said) return false;
    this.#said = news;
    return true;
  }

  /** What can be decoded, without what was given up at `now`. */
  limit(plugins: readonly PluginSupport[], now: number): PluginSupport[] {
    return plugins.map((support) => {
      const rests = now < this.#rests[sourceOf(support.plugin)].until;
      return rests && support.decode === "yes" ? { ...support, decode: "tooSlow" } : { ...support };
    });
  }

  #giveUp(now: number): void {
    const { camera, microphone } = this.#rests;
    const rest = now < camera.until ? microphone : camera;
    rest.until = now + rest.length;
    rest.length = Math.min(2 * rest.length, MAX_REST_MS);
  }
}
