import { CaptureClock } from "./captureclock.js";
import { FRAME_MS } from "./codec.js";
import type { Activity, Encoded } from "./codec.js";
import type { GateState } from "./gatewatch.js";

/** What a voice is encoded and judged with. */
export interface VoiceTools {
  epoch: number;
  plugin: number;
  encode(samples: Float32Array, rate: number): Encoded;
  /** Decodes the payload as the others will, and compares. */
  judge(samples: Float32Array, rate: number, payload: Uint8Array): GateState;
}

/** One block that is to be sent. */
export interface VoicePayload {
  media: number;
  plugin: number;
  epoch: number;
  activity: Activity | null;
  payload: Uint8Array;
}

/** What a capture tells. */
export interface VoiceCaptureListener {
  /** Every block as it was recorded. */
  block(samples: Float32Array, media: number): void;
  verdict(verdict: GateState): void;
  payload(payload: VoicePayload): void;
}

/** While nobody needs it, the gate looks at one block of so many. */
const IDLE_STRIDE = 4;

/**
 * Cuts what a microphone gives into blocks of 80 ms on the media clock, without seams, and has them
 * encoded. A block that the gate refuses is sent all the same: a model voice goes on until the raw
 * one is there.
 */
export class VoiceCapture {
  readonly #rate: number;
  readonly #listener: VoiceCaptureListener;
  readonly #clock: CaptureClock;
  readonly #block: Float32Array;
  #filled = 0;
  #media = 0;
  #blocks = 0;

  /** `rate`: samples per second, of which 80 ms are a whole number; `lateBy`: how late they come at best, ms. */
  constructor(rate: number, lateBy: number, listener: VoiceCaptureListener) {
    this.#rate = rate;
    this.#listener = listener;
    this.#clock = new CaptureClock(rate, lateBy);
    this.#block = new Float32Array(Math.round((rate * FRAME_MS) / 1000));
  }

  /** Samples that were recorded until `now`, ms since 1970. */
  push(samples: Float32Array, now: number, active: boolean, tools: VoiceTools | null): void {
    const media = this.#clock.advance(samples.length, now);
    for (let from = 0; from < samples.length; ) {
      if (this.#filled === 0) this.#media = media + (from / this.#rate) * 1000;
      const part = samples.subarray(from, from + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
      if (this.#filled === this.#block.length) this.#finish(active, tools);
    }
  }

  #finish(active: boolean, tools: VoiceTools | null): void {
    this.#filled = 0;
    const block = this.#block;
    this.#listener.block(block, this.#media);
    const looked = active || this.#blocks++ % IDLE_STRIDE === 0;
    if (!tools || !looked) return;
    const { payload, activity } = tools.encode(block, this.#rate);
    if (active) {
      const { plugin, epoch } = tools;
      this.#listener.payload({ media: this.#media, plugin, epoch, activity, payload });
    }
    this.#listener.verdict(tools.judge(block, this.#rate, payload));
  }
}
