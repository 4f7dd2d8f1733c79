import type { PlayedForm } from "./messages.js";
import { bestFit, COMPARED_RATE, fadeGains } from "./splice.js";
import type { VoiceLine } from "./voiceline.js";
import { VoiceReader } from "./voicereader.js";

/** Length of a cross-fade between the forms. */
const FADE_MS = 20;
/** What is compared to find the same moment in both forms, and how far around it is looked for. */
const COMPARED_MS = 20;
const SEARCH_MS = 15;
/** How far off it may be and is still the same moment. */
const SAME_PLACE_MS = 0.125;
/** From this likeness on a place is believed to be the same moment. */
const SAME = 0.5;
/** Raw sound that is remembered for it, ms. */
const RAW_MS = 60;
/** Below this amplitude (-50 dBFS) a moment is quiet. */
const QUIET_AMPLITUDE = 0.003;

/** What a mix tells of itself. */
export interface MixStatus {
  /** The form that is heard, or that is being gone over to. */
  form: PlayedForm;
  fading: boolean;
  /** Media time of the model voice at the end of what was rendered; `null`: it does not run. */
  media: number | null;
  /** Whether it runs with sound that was sent, not with what was made up. */
  running: boolean;
  /** Decoded ahead, ms. */
  ahead: number;
  /** How fast the model voice is read now; 1: as it was said. */
  speed: number;
  starvations: number;
  /** How often sound came only just too late. */
  late: number;
  /** For how long neither form has made a sound, ms. */
  quietMs: number;
}

/**
 * The voice of one person, of which either form is heard: the raw one comes as an input, the model
 * one from the line. They are faded over at one and the same moment of what is said: the clocks of
 * the two forms say it to some 10 ms, and the likeness of the two signals says it exactly. Pure.
 */
export class VoiceMix {
  readonly #reader: VoiceReader;
  readonly #line: VoiceLine;
  readonly #outRate: number;
  readonly #raw: Float32Array;
  readonly #model = new Float32Array(1024);
  #rawAt = 0;
  #form: PlayedForm;
  #fade: { at: number; likeness: number } | null = null;
  #quietFor = 0;

  constructor(line: VoiceLine, outRate: number, form: PlayedForm) {
    this.#line = line;
    this.#outRate = outRate;
    this.#form = form;
    this.#reader = new VoiceReader(line, outRate);
    this.#raw = new Float32Array(Math.ceil((RAW_MS / 1000) * outRate));
  }

  get status(): MixStatus {
    const { media, running, ahead, speed, starvations, late } = this.#reader;
    const quietMs = (this.#quietFor / this.#outRate) * 1000;
    const form = this.#form;
    return { form, fading: this.#fade !== null, media, running, ahead, speed, starvations, late, quietMs };
  }

  /** Goes over to this form, from the next sample on. */
  fadeTo(form: PlayedForm): void {
    if (form === this.#form) return;
    let likeness = 0;
    const fit = this.#compare();
    if (fit && fit.likeness >= SAME && form === "model") {
      this.#reader.shift(fit.lag);
      likeness = fit.likeness;
    } else if (fit && Math.abs(fit.lag) <= SAME_PLACE_MS * (this.#line.rate / 1000)) likeness = fit.likeness;
    this.#form = form;
    // Back in the middle of a fade: it goes on from the same gains.
    const at = this.#fade ? this.#fadeSamples - this.#fade.at : 0;
    this.#fade = { at, likeness };
  }

  /** The next samples; `target`: media time due at the first one, `raw`: the input, if there is one. */
  render(out: Float32Array, target: number | null, raw: Float32Array | null): void {
    const model = this.#model.subarray(0, out.length);
    this.#reader.read(model, target);
    for (let at = 0; at < out.length; at++) {
      const heard = raw?.[at] ?? 0;
      const made = model[at] ?? 0;
      this.#raw[this.#rawAt] = heard;
      this.#rawAt = (this.#rawAt + 1) % this.#raw.length;
      out[at] = this.#mixed(heard, made);
      const loudest = Math.max(Math.abs(heard), Math.abs(made));
      this.#quietFor = loudest < QUIET_AMPLITUDE ? this.#quietFor + 1 : 0;
    }
  }

  get #fadeSamples(): number {
    return (FADE_MS / 1000) * this.#outRate;
  }

  #mixed(raw: number, model: number): number {
    const [next, last] = this.#form === "model" ? [model, raw] : [raw, model];
    if (!this.#fade) return next;
    const [old, fresh] = fadeGains(this.#fade.at / this.#fadeSamples, this.#fade.likeness);
    if (++this.#fade.at >= this.#fadeSamples) this.#fade = null;
    return last * old + next * fresh;
  }

  /** How much later in the line that is what was just heard raw. */
  #compare(): { lag: number; likeness: number } | null {
    const position = this.#reader.position;
    if (position === null || !this.#reader.running) return null;
    const step = this.#line.rate / COMPARED_RATE;
    const length = Math.round((COMPARED_MS / 1000) * COMPARED_RATE);
    const reach = Math.round((SEARCH_MS / 1000) * COMPARED_RATE);
    const first = position - (length + reach) * step;
    if (first < this.#line.start || position + reach * step >= this.#line.end) return null;
    const reference = Float32Array.from({ length }, (_, at) =>
      this.#rawBefore((length - at) / COMPARED_RATE),
    );
    const candidate = Float32Array.from({ length: length + 2 * reach }, (_, at) =>
      this.#line.at(first + at * step),
    );
    const { lag, likeness } = bestFit(reference, candidate, reach);
    return { lag: lag * step, likeness };
  }

  /** The raw sound of so many seconds ago. */
  #rawBefore(seconds: number): number {
    const size = this.#raw.length;
    const back = seconds * this.#outRate;
    const whole = Math.floor(back);
    const newer = this.#raw[(this.#rawAt - whole + size) % size] ?? 0;
    const older = this.#raw[(this.#rawAt - whole - 1 + size) % size] ?? 0;
    return newer + (older - newer) * (back - whole);
  }
}
