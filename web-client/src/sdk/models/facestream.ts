import { FRAME_MS } from "./codec.js";
import type { Drawable } from "./drawing/painter.js";

/** What decodes a face. */
export interface FaceDecoder extends Drawable {
  /** Offsets of the frames of a payload from its media time, ms. They replace those before. */
  decode(payload: Uint8Array): number[];
  /** Gives its memory back. */
  free(): void;
}

/** A frame that can be drawn until the next one is asked for. */
export interface DueFrame {
  media: number;
  /** By how much it is too late, ms: below a refresh, unless nothing was asked for in time. */
  late: number;
  decoder: FaceDecoder;
  /** Its number there. */
  frame: number;
}

/** Payloads that wait for their time: 5 s. Full: the oldest is decoded, and not shown. */
const MAX_WAITING = 64;

/** One face in order: which frame is to be seen at a media time. Pure but for the decoder. */
export class FaceStream {
  readonly #waiting: { media: number; payload: Uint8Array; decoder: FaceDecoder }[] = [];
  #current: { media: number; offsets: number[]; decoder: FaceDecoder } | null = null;
  #given = Number.NEGATIVE_INFINITY;

  /** A payload that was not here before. One whose time is over is of no use. */
  push(media: number, payload: Uint8Array, decoder: FaceDecoder): void {
    if (this.#current && media <= this.#current.media) return;
    const at = this.#waiting.findIndex((other) => other.media > media);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, { media, payload, decoder });
    if (this.#waiting.length > MAX_WAITING) this.#decodeFirst();
  }

  /** The newest frame at `media` that was not given before; `null`: the one before stays. */
  due(media: number): DueFrame | null {
    while (this.#waiting[0] && this.#waiting[0].media <= media) this.#decodeFirst();
    const current = this.#current;
    if (!current) return null;
    let frame = -1;
    current.offsets.forEach((offset, at) => {
      if (current.media + offset <= media) frame = at;
    });
    const time = current.media + (current.offsets[frame] ?? 0);
    if (frame < 0 || time <= this.#given) return null;
    this.#given = time;
    return { media: time, late: media - time, decoder: current.decoder, frame };
  }

  /** Nothing is to be made of this decoder any more. */
  forget(decoder: FaceDecoder): void {
    const kept = this.#waiting.filter((one) => one.decoder !== decoder);
    this.#waiting.splice(0, this.#waiting.length, ...kept);
    if (this.#current?.decoder === decoder) this.#current = null;
  }

  /** Whether a frame will be due within the length of a payload. */
  isFed(media: number): boolean {
    return this.#waiting.length > 0 || (this.#current !== null && media - this.#current.media < 2 * FRAME_MS);
  }

  #decodeFirst(): void {
    const first = this.#waiting.shift();
    if (!first) return;
    const { media, payload, decoder } = first;
    // A payload of nothing: the last frame stays.
    this.#current = { media, decoder, offsets: payload.length > 0 ? decoder.decode(payload) : [] };
  }
}
