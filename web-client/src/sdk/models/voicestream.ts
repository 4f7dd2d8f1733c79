import { FRAME_MS, SOUND_RATE } from "./codec.js";
import type { VoiceBlock } from "./ring.js";

/** What decodes a voice. */
export interface VoiceDecoder {
  /** 80 ms; good until the next call. */
  decode(payload: Uint8Array): Float32Array;
  /** 80 ms of the payload before, where this one repeats it; good until the next call. */
  decodeBefore(payload: Uint8Array): Float32Array | null;
  /** In place of samples that did not come. */
  conceal(samples: number): Float32Array;
}

/** What makes sound for ears of decoded sound, 80 ms at a time. */
export interface VoiceExtension {
  /** By what it is late, ms. */
  readonly delay: number;
  /** The same at 48 kHz, going on from the one before; good until the next call. */
  extend(samples: Float32Array): Float32Array;
  /** What comes next goes on from this. */
  restart(before: Float32Array): void;
}

/** A payload that arrived. */
interface Waiting {
  media: number;
  decoder: VoiceDecoder;
  extension: VoiceExtension;
  payload: Uint8Array;
}

const NOTHING = new Float32Array(0);

/** Media times are whole and follow a sound card slowly: a block this near is the next one, ms. */
const NEXT_MS = 20;
/** What is missing is given up so long before it is due, ms: decoding and the way to the ear. */
const LEAD_MS = 30;
/** Most blocks in a row that are concealed. After that it is a pause. */
const MAX_CONCEALED = 2;
/** Blocks that wait for one before them. Full: nothing more is waited for. */
const MAX_WAITING = 16;

/**
 * One voice in order: decodes each block as soon as those before it are decoded or given up, puts in
 * place of what is given up what the next one repeats of it, or conceals it, and extends it all. Pure
 * but for decoder and extension.
 */
export class VoiceStream {
  readonly #emit: (block: VoiceBlock) => void;
  readonly #waiting: Waiting[] = [];
  #next: number | null = null;
  #last: VoiceDecoder | null = null;
  /** What was last extended, and the media time at its end. */
  #extended: { by: VoiceExtension; end: number } | null = null;
  #silent = false;

  /** `emit` takes sound at 48 kHz, good until it returns. */
  constructor(emit: (block: VoiceBlock) => void) {
    this.#emit = emit;
  }

  /** A block that was not here before. One that comes after its turn is lost. */
  push(media: number, payload: Uint8Array, decoder: VoiceDecoder, extension: VoiceExtension): void {
    const late = this.#next !== null && media < this.#next - NEXT_MS;
    // Silence that was sent as a sign of life keeps nothing out.
    if (late && !(this.#silent && media >= (this.#next ?? 0) - FRAME_MS)) return;
    if (late) this.#next = media;
    const at = this.#waiting.findIndex((other) => other.media > media);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, { media, payload, decoder, extension });
    this.#decodeInOrder();
    if (this.#waiting.length > MAX_WAITING) this.#giveUp();
  }

  /** `due`: the media time that is being played. Gives up what can no longer come in time. */
  advance(due: number): void {
    while (this.#waiting.length > 0 && this.#next !== null && this.#next - LEAD_MS <= due) this.#giveUp();
  }

  #decodeInOrder(): void {
    for (;;) {
      const first = this.#waiting[0];
      if (!first || (this.#next !== null && first.media > this.#next + NEXT_MS)) return;
      this.#waiting.shift();
      this.#extend(first.media, first.decoder.decode(first.payload), first.extension);
      this.#next = first.media + FRAME_MS;
      this.#silent = first.payload.length === 0;
      this.#last = first.decoder;
    }
  }

  #extend(media: number, samples: Float32Array, extension: VoiceExtension): void {
    const { by, end } = this.#extended ?? {};
    const goesOn = by === extension && Math.abs(media - (end ?? 0)) <= NEXT_MS;
    if (!goesOn) extension.restart(NOTHING);
    this.#extended = { by: extension, end: media + FRAME_MS };
    this.#emit({ media: media - extension.delay, samples: extension.extend(samples) });
  }

  /** Fills the way to the first one that is there. */
  #giveUp(): void {
    const first = this.#waiting[0];
    if (!first) return;
    const next = this.#next ?? first.media;
    const missing = Math.round((first.media - next) / FRAME_MS);
    if (missing <= MAX_CONCEALED && this.#last) {
      for (let block = 0; block < missing; block++) {
        const repeated = block === missing - 1 ? first.decoder.decodeBefore(first.payload) : null;
        const samples = repeated ?? this.#last.conceal((FRAME_MS / 1000) * SOUND_RATE);
        this.#extend(next + block * FRAME_MS, samples, first.extension);
      }
    }
    this.#next = first.media;
    this.#decodeInOrder();
  }
}
