import type { GateState } from "./gatewatch.js";

/** What the page says to the worker that encodes one source. */
export type CaptureCommand =
  | { type: "start"; module: WebAssembly.Module; plugin: number; entries: MessagePort }
  /** Sound comes in this stream; `null`: no more. */
  | { type: "microphone"; pieces: ReadableStream<AudioData> | null }
  /** Sound comes over this port from the audio graph, where there is no such stream: `SoundMessage`s. */
  | { type: "sound"; port: MessagePort; rate: number }
  /** Pictures come in this stream; `null`: no more. */
  | { type: "camera"; frames: ReadableStream<VideoFrame> | null }
  /** One picture, where there is no such stream. */
  | { type: "frame"; frame: VideoFrame }
  /** One's own model of some epoch. */
  | { type: "model"; container: ArrayBuffer }
  /** Whether anybody needs it, and in which epoch; `null`: the newest. */
  | { type: "demand"; active: boolean; epoch: number | null }
  /** Media is handed on to a learner, as `LearnerMedia`; `null`: no more. */
  | { type: "learn"; port: MessagePort | null }
  /** Blocks of pictures begin at this media time and every 80 ms from it. */
  | { type: "phase"; media: number }
  /** The source is muted: nothing of it is looked at. */
  | { type: "pause"; on: boolean }
  /** It is over: the worker ends itself. */
  | { type: "stop" };

/** Sound of the microphone, mono. */
export type SoundMessage = Float32Array;

/** What it answers. */
export type CaptureReport =
  | { type: "gate"; state: GateState }
  /** A block of sound began at this media time. */
  | { type: "phase"; media: number }
  /** A model that this build cannot use. */
  | { type: "refused" }
  /** The learner takes too few of the pictures that come. */
  | { type: "slowLearner" };

/** What a learner is given. */
export type LearnerMedia =
  | { type: "sound"; samples: Float32Array; rate: number }
  /** `missed`: the model in use does not fit it; it may have come before without that. */
  | { type: "picture"; pixels: Uint8ClampedArray; width: number; height: number; missed: boolean };

/** What the page says to a learner. */
export interface LearnerCommand {
  type: "start";
  module: WebAssembly.Module;
  plugin: number;
  /** The first model that it makes has this epoch. */
  epoch: number;
  media: MessagePort;
}

/** What it answers. */
export type LearnerReport =
  | { type: "progress"; progress: number }
  /** A model, and what makes it of the one before. */
  | {
      type: "model";
      epoch: number;
      hash: string;
      container: ArrayBuffer;
      delta: ArrayBuffer | null;
    };
