// What the codec takes and gives.

/** What a plug-in compresses. */
export type PluginKind = "sound" | "picture";

/** A plug-in that this build has. */
export interface PluginInfo {
  /** 0 to 15. */
  readonly id: number;
  /** Version of its model bodies and payloads. */
  readonly version: number;
  readonly name: string;
  readonly kind: PluginKind;
}

/** How loud a voice is, readable without its model. */
export interface Activity {
  /** 0 loudest to 15 silence, in steps of 8 dB below overload. */
  readonly level: number;
  readonly talking: boolean;
}

/** The payload of one plug-in at one media time. */
export interface Entry {
  readonly plugin: number;
  /** To be written: the epoch, of which the low 3 bits travel. Read: these, 0 to 7. */
  readonly epoch: number;
  /** Of sound in a model packet always there, elsewhere null. */
  readonly activity: Activity | null;
  /** At most 1,100 bytes; none: silence. */
  readonly payload: Uint8Array;
}

/** What belongs to one media time of one's own. */
export interface PacketBlock {
  /** Milliseconds of the publisher's media clock, 0 to 2^32 - 1, which wraps. */
  readonly time: number;
  /** One per plug-in, 1 to 8. */
  readonly entries: readonly Entry[];
}

/** A model packet, at most 1,150 bytes. */
export interface ModelPacket {
  readonly encrypted: boolean;
  /** The newest first, then up to 3 older ones. */
  readonly blocks: readonly PacketBlock[];
}

/** One entry of a bundle. */
export interface BundleEntry {
  /** Short id of the participant, never 0. */
  readonly participant: number;
  readonly plugin: number;
  /** Low 3 bits of the epoch. */
  readonly epoch: number;
  /** Low 16 bits of the publisher's media time in milliseconds. */
  readonly time: number;
  readonly payload: Uint8Array;
}

/** A model container and its name. */
export interface ContainerInfo {
  readonly plugin: number;
  readonly pluginVersion: number;
  /** 0: the generic model. */
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** 64 lower-case hex digits. */
  readonly hash: string;
  readonly body: Uint8Array;
}

/** What a delta makes of what, by hash. */
export interface DeltaInfo {
  readonly base: string;
  readonly target: string;
}

/** How far a learner is. */
export interface Progress {
  /** 0 to 1000: how much it has of what it would like to have. */
  readonly perMille: number;
  /** `finish` gives a model. */
  readonly usable: boolean;
  /** That model is better than the one that `finish` gave last: worth a new epoch. */
  readonly refined: boolean;
}

/** Whether what the other side sees or hears is still the person. */
export interface Fidelity {
  /** Amber: go on, but be ready to send raw media. Red: this must not be shown. */
  readonly verdict: "green" | "amber" | "red";
  /** A red that is slight and new: it may be over before raw media would be there. */
  readonly passing: boolean;
  /** What the plug-in measured, 0 nothing alike to 1 the same; their meaning is the plug-in's. */
  readonly scores: readonly number[];
}

/** One payload as it is to be sent. */
export interface Encoded {
  /** None: silence. */
  readonly payload: Uint8Array;
  /** Of sound. */
  readonly activity: Activity | null;
}

/**
 * What a frame is made of, for those who draw it on a graphics processor: a source, warped, and patches
 * of others over it. Everything is told in units of which the picture has `width` and `height`, at
 * whatever size it is drawn.
 */
export interface Scene {
  readonly width: number;
  readonly height: number;
  /** Sources are to be taken smaller by 2 to the power of this. */
  readonly level: number;
  /** What is warped. */
  readonly source: number;
  /** Nodes of the grid of motion in a row, and rows of them, from corner to corner of the picture. */
  readonly columns: number;
  readonly rows: number;
  /** Where each node looks, from its own place: all across, then all down. */
  readonly motion: Float32Array<ArrayBuffer>;
  readonly patches: readonly ScenePatch[];
  readonly residual: SceneResidual | null;
}

/** By how much luma is brighter than what was drawn, spread over the whole picture, linear in between. */
export interface SceneResidual {
  /** Samples of a row, and rows. */
  readonly width: number;
  readonly height: number;
  readonly samples: Int8Array<ArrayBuffer>;
}

/** An ellipse of another source, opaque in its middle and soft at its edge. */
export interface ScenePatch {
  readonly source: number;
  /** Units of what the source shows. */
  readonly width: number;
  readonly height: number;
  /** Where it is in the source and where it is drawn: middle, ends of both axes from there. */
  readonly there: Float32Array<ArrayBuffer>;
  readonly here: Float32Array<ArrayBuffer>;
  /** Polynomials of where it looks, across and down: of 1, x, y, x², xy, y². */
  readonly coefficients: Float32Array<ArrayBuffer>;
}

/** Planes of a source of scenes: BT.601 in video range. */
export interface SceneSource {
  readonly width: number;
  readonly height: number;
  readonly luma: Uint8Array<ArrayBuffer>;
  readonly chromaWidth: number;
  readonly chromaHeight: number;
  /** Of each sample the blue, then the red difference. */
  readonly chroma: Uint8Array<ArrayBuffer>;
}

/** Order of the bytes of a picture. I420: planes without gaps, odd sizes rounded up. */
export type PixelFormat = "rgba" | "i420";

/** What went wrong, in words. The Codec can be used further. */
export class CodecError extends Error {
  override readonly name = "CodecError";
}

/** Sampling rate of model voices in Hz. */
export const SOUND_RATE = 16_000;
/** Sampling rate in Hz at which they are heard. */
export const EXTENDED_RATE = 48_000;
/** Epoch of the model that knows no speaker. */
export const GENERIC_EPOCH = 0;
/** Duration of one payload in milliseconds. */
export const FRAME_MS = 80;
/** Samples of one decoded voice payload. */
export const FRAME_SAMPLES = (SOUND_RATE / 1000) * FRAME_MS;
