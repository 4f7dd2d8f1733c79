import { FRAME_MS } from "./codec.js";
import type { Encoder, Gate, Model, PictureDecoder, SoundDecoder } from "./codec.js";
import type { FaceTools } from "./facecapture.js";
import type { GateState } from "./gatewatch.js";
import type { VoiceTools } from "./voicecapture.js";

/** Epochs kept: the one in use and the one that others are still fetching, with some to spare. */
const KEPT = 3;

interface Freed {
  free(): void;
}

/** What was made of one model. */
interface Own<Tools> {
  epoch: number;
  tools: Tools;
  parts: Freed[];
}

/** One's own models of one plug-in by epoch, ready to encode and to judge. */
export class OwnModels<Tools> {
  readonly #make: (model: Model) => Own<Tools>;
  #own: Own<Tools>[] = [];

  constructor(make: (model: Model) => Own<Tools>) {
    this.#make = make;
  }

  /** Whether there is one of this epoch. */
  has(epoch: number): boolean {
    return this.#own.some((own) => own.epoch === epoch);
  }

  /** Takes it over. */
  add(model: Model): void {
    const own = this.#make(model);
    const all = [...this.#own.filter(({ epoch }) => epoch !== own.epoch), own];
    for (const { parts } of all.slice(0, -KEPT)) for (const part of parts) part.free();
    this.#own = all.slice(-KEPT);
  }

  /** Those of this epoch; `null`: of the newest. */
  of(epoch: number | null): Tools | null {
    const own = epoch === null ? this.#own.at(-1) : this.#own.find((one) => one.epoch === epoch);
    return own?.tools ?? this.#own.at(-1)?.tools ?? null;
  }
}

/** Own models of a voice. */
export function ownVoices(): OwnModels<VoiceTools> {
  return new OwnModels((model) => {
    const { epoch, plugin } = model;
    const [encoder, decoder, gate] = [model.createEncoder(), model.createSoundDecoder(), model.createGate()];
    const tools = voiceTools(plugin, epoch, encoder, decoder, gate);
    return { epoch, tools, parts: [encoder, decoder, gate, model] };
  });
}

/** Own models of a face. */
export function ownFaces(): OwnModels<FaceTools> {
  return new OwnModels((model) => {
    const { epoch, plugin } = model;
    const [encoder, decoder, gate] = [model.createEncoder(), model.createPictureDecoder(), model.createGate()];
    const tools = faceTools(plugin, epoch, encoder, decoder, gate);
    return { epoch, tools, parts: [encoder, decoder, gate, model] };
  });
}

function voiceTools(
  plugin: number,
  epoch: number,
  encoder: Encoder,
  decoder: SoundDecoder,
  gate: Gate,
): VoiceTools {
  return {
    plugin,
    epoch,
    encode: (samples, rate) => {
      encoder.pushSound(samples, rate);
      return encoder.flush();
    },
    judge: (samples, rate, payload) =>
      gate.observeSound(samples, decoder.decode(payload), rate).verdict,
  };
}

function faceTools(
  plugin: number,
  epoch: number,
  encoder: Encoder,
  decoder: PictureDecoder,
  gate: Gate,
): FaceTools {
  return {
    plugin,
    epoch,
    push: ({ pixels, width, height }, offset) =>
      encoder.pushPicture(pixels, width, height, Math.min(offset, FRAME_MS - 1)),
    flush: () => encoder.flush().payload,
    restart: () => encoder.restart(),
    judge: (pictures, payload) => {
      const frames = decoder.decode(payload).length;
      let worst: GateState = "green";
      let passing = false;
      let missed = encoder.misses;
      pictures.slice(0, frames).forEach(({ pixels, width, height }, at) => {
        const drawn = decoder.draw(at, width, height);
        const { verdict, ...of } = gate.observePicture(pixels, drawn, width, height);
        // The last red says whether it may pass: one that does no longer is known to last.
        if (verdict === "red") [passing, missed] = [of.passing, true];
        if (verdict === "red" || (verdict === "amber" && worst === "green")) worst = verdict;
      });
      return { verdict: worst, passing, missed };
    },
  };
}
