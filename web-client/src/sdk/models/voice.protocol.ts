// What the page and the audio thread say to each other. Apart from both, as neither can load the
// other.

import type { PlayedForm } from "./messages.js";
import type { MixStatus } from "./voicemix.js";

/** Name of the processor. */
export const VOICE_PROCESSOR = "sotto-voice";

/** With what a processor is made. */
export interface VoiceOptions {
  /** Shared memory of a `BlockRing`; `null`: blocks come over the port of `blocks`. */
  ring: SharedArrayBuffer | null;
  /** Samples per second of the blocks. */
  rate: number;
  form: PlayedForm;
}

/** What the page says to a processor. */
export type VoiceCommand =
  /** Media time = time of the audio context + this, ms; `null`: nothing is due. */
  | { type: "target"; offset: number | null }
  | { type: "fade"; form: PlayedForm }
  /** Where blocks come from where memory is not shared. */
  | { type: "blocks"; port: MessagePort }
  | { type: "stop" };

/** What it answers, some 20 times a second, and at each end of a fade. */
export interface VoiceStatus extends MixStatus {
  /** Time of the audio context to which `media` belongs, ms. */
  contextMs: number;
}
