import { firstCodec, videoCodec } from "./codecs.js";
import type { VideoCodec } from "./codecs.js";
import type { LayerPlan } from "./layers.js";

/** What one sender is to do. */
export type Wanted = WantedVideo | WantedAudio;

/** A video and its layers. */
export interface WantedVideo {
  kind: "video";
  codec: VideoCodec;
  /** Which planned layers are sent. */
  active: (rid: string | null) => boolean;
  /** The layers for the encodings that the m-line has. */
  plan: (rids: readonly (string | null)[], codec: VideoCodec) => LayerPlan[];
  degradation: "maintain-resolution" | "maintain-framerate";
}

/** A voice or other sound. */
export interface WantedAudio {
  kind: "audio";
  active: boolean;
  /** bit/s. */
  maxBitrate: number;
}

/** What TypeScript's types lack. */
export interface Encoding extends RTCRtpEncodingParameters {
  codec?: RTCRtpCodec;
  scalabilityMode?: string;
  scaleResolutionDownTo?: { maxWidth: number; maxHeight: number };
}

/** What is given up, one after the other, where a browser refuses what is wanted. */
interface Concession {
  /** In place of the planned scalability mode; `null`: none. */
  mode?: "L1T3" | null;
  /** Whether the codec stays the first one of the answer. */
  firstCodec?: boolean;
}

const CONCESSIONS: readonly Concession[] = [
  {},
  { mode: "L1T3" },
  { mode: null },
  { mode: null, firstCodec: true },
];

/**
 * Brings a sender to what is wanted, one change at a time. However many changes are asked for at
 * once, what was wanted last is what the sender ends with.
 */
export class EncoderControl {
  readonly #sender: () => RTCRtpSender | null;
  readonly #wanted: () => Wanted;
  #layers: readonly LayerPlan[] = [];
  #codec: VideoCodec = "vp8";
  /** Whether this browser takes a codec for each sender (`encodings[].codec`). */
  #choosesCodec = true;
  #stale = false;
  #running: Promise<void> | null = null;

  constructor(sender: () => RTCRtpSender | null, wanted: () => Wanted) {
    this.#sender = sender;
    this.#wanted = wanted;
  }

  /** The layers as the browser accepted them; empty for audio. */
  get layers(): readonly LayerPlan[] {
    return this.#layers;
  }

  /** The video codec in use: another than was wanted where that one was not negotiated. */
  get codec(): VideoCodec {
    return this.#codec;
  }

  /** Reads again what is wanted. Resolves when the sender does it. */
  apply(): Promise<void> {
    this.#stale = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      // The first pass starts later, so that `#running` is set when it ends.
      await Promise.resolve();
      while (this.#stale) {
        this.#stale = false;
        await this.#once();
      }
    } finally {
      this.#running = null;
    }
  }

  async #once(): Promise<void> {
    const sender = this.#sender();
    if (!sender) return;
    const wanted = this.#wanted();
    if (wanted.kind === "audio") {
      await change(sender, (parameters) => shapeAudio(parameters, wanted));
      return;
    }
    for (const concession of CONCESSIONS) {
      const firstCodec = concession.firstCodec ?? !this.#choosesCodec;
      let shape: VideoShape | undefined;
      const accepted = await change(sender, (parameters) => {
        shape = shapeVideo(parameters, wanted, { ...concession, firstCodec });
      });
      if (!accepted || !shape) continue;
      if (shape.chosen && !keepsCodec(sender)) {
        this.#choosesCodec = false;
        this.#stale = true;
      }
      this.#layers = shape.layers;
      this.#codec = shape.codec;
      return;
    }
  }
}

/** What was written into a sender's parameters. */
interface VideoShape {
  layers: LayerPlan[];
  codec: VideoCodec;
  /** Whether the codec had to be named. */
  chosen: boolean;
}

/** Writes what is wanted into `parameters`. */
export function shapeVideo(
  parameters: RTCRtpSendParameters,
  wanted: WantedVideo,
  concession: Concession,
): VideoShape {
  const encodings = parameters.encodings as Encoding[];
  const { mode } = concession;
  // A browser that is told nothing takes the first one.
  const first = firstCodec(parameters.codecs);
  const named =
    concession.firstCodec || first === wanted.codec
      ? undefined
      : videoCodec(parameters.codecs, wanted.codec);
  const codec = named ? wanted.codec : (first ?? wanted.codec);
  const planned = wanted.plan(
    encodings.map(({ rid }) => rid ?? null),
    codec,
  );
  const layers = planned.map((layer) => ({
    ...layer,
    scalabilityMode:
      layer.scalabilityMode === null || mode === undefined ? layer.scalabilityMode : mode,
  }));
  const largest = layers.at(-1);
  encodings.forEach((encoding, at) => {
    const layer = layers[at] ?? largest;
    if (!layer || !largest) return;
    encoding.active = at < layers.length && wanted.active(layer.rid);
    encoding.maxBitrate = layer.maxBitrate;
    if (layer.maxFramerate === null) delete encoding.maxFramerate;
    else encoding.maxFramerate = layer.maxFramerate;
    if (layer.scalabilityMode === null) delete encoding.scalabilityMode;
    else encoding.scalabilityMode = layer.scalabilityMode;
    // Chromium leaves out layers that are scaled by a factor where the input is small, and keeps
    // those that are given in pixels. Firefox knows only the factor.
    encoding.scaleResolutionDownTo = { maxWidth: layer.width, maxHeight: layer.height };
    encoding.scaleResolutionDownBy = Math.max(1, largest.width / layer.width);
    if (named) encoding.codec = named;
    else delete encoding.codec;
  });
  parameters.degradationPreference = wanted.degradation;
  return { layers, codec, chosen: named !== undefined };
}

/** The same for audio. */
export function shapeAudio(parameters: RTCRtpSendParameters, wanted: WantedAudio): void {
  for (const encoding of parameters.encodings) {
    encoding.active = wanted.active;
    encoding.maxBitrate = wanted.maxBitrate;
  }
}

/** Whether the sender kept the codec that it was given. */
function keepsCodec(sender: RTCRtpSender): boolean {
  return sender.getParameters().encodings.some((encoding) => (encoding as Encoding).codec);
}

/** Changes a sender's parameters. Returns whether the browser took them. */
async function change(
  sender: RTCRtpSender,
  write: (parameters: RTCRtpSendParameters) => void,
): Promise<boolean> {
  const parameters = sender.getParameters();
  write(parameters);
  try {
    await sender.setParameters(parameters);
    return true;
  } catch (error) {
    // Not possible here, or the connection has closed meanwhile.
    if (error instanceof DOMException) return false;
    throw error;
  }
}
