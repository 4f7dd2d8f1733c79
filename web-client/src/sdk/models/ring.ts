/** Sound of one moment. */
export interface VoiceBlock {
  /** Media time of the first sample, ms. */
  media: number;
  samples: Float32Array;
}

/** Where a worklet gets its sound from. */
export interface BlockSource {
  /** The next block; `null`: none yet. Valid until the next call. */
  pull(): VoiceBlock | null;
}

/** Samples of a slot of the ring: 20 ms at 48 kHz. A longer block takes several. */
export const SLOT_SAMPLES = 960;
/** 128 slots: 2.6 s at 48 kHz. A power of two. */
const SLOTS = 128;
/** Blocks that wait where memory cannot be shared: 2.6 s of 80 ms each. */
const QUEUED = 32;
/** Of a slot: media time, number of samples. */
const SLOT_HEADER_BYTES = 16;
const SLOT_BYTES = SLOT_HEADER_BYTES + SLOT_SAMPLES * 4;
/** Of the ring: written, read. */
const HEADER_BYTES = 16;

/**
 * Blocks of sound from one writing thread to one reading thread, in shared memory, without locks.
 * Full means that nobody reads: the newest block is dropped.
 */
export class BlockRing implements BlockSource {
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly #counters: Int32Array;
  readonly #view: DataView;
  readonly #out = new Float32Array(SLOT_SAMPLES);

  constructor(buffer: SharedArrayBuffer | ArrayBuffer) {
    this.buffer = buffer;
    this.#counters = new Int32Array(buffer, 0, 2);
    this.#view = new DataView(buffer);
  }

  static readonly bytes = HEADER_BYTES + SLOTS * SLOT_BYTES;

  /** Writes a block at `rate` samples per second. Returns whether there was room for all of it. */
  push(block: VoiceBlock, rate: number): boolean {
    for (let from = 0; from < block.samples.length; from += SLOT_SAMPLES) {
      const part = block.samples.subarray(from, from + SLOT_SAMPLES);
      if (!this.#write(block.media + (from / rate) * 1000, part)) return false;
    }
    return true;
  }

  pull(): VoiceBlock | null {
    const read = Atomics.load(this.#counters, 1);
    if (read === Atomics.load(this.#counters, 0)) return null;
    const at = HEADER_BYTES + (read & (SLOTS - 1)) * SLOT_BYTES;
    const media = this.#view.getFloat64(at);
    const length = this.#view.getUint32(at + 8);
    const samples = this.#out.subarray(0, length);
    samples.set(new Float32Array(this.buffer, at + SLOT_HEADER_BYTES, length));
    Atomics.store(this.#counters, 1, (read + 1) | 0);
    return { media, samples };
  }

  #write(media: number, samples: Float32Array): boolean {
    const written = Atomics.load(this.#counters, 0);
    if (((written - Atomics.load(this.#counters, 1)) | 0) >= SLOTS) return false;
    const at = HEADER_BYTES + (written & (SLOTS - 1)) * SLOT_BYTES;
    this.#view.setFloat64(at, media);
    this.#view.setUint32(at + 8, samples.length);
    new Float32Array(this.buffer, at + SLOT_HEADER_BYTES, samples.length).set(samples);
    Atomics.store(this.#counters, 0, (written + 1) | 0);
    return true;
  }
}

/** The same where memory cannot be shared: blocks come as messages. Full: the oldest is dropped. */
export class BlockQueue implements BlockSource {
  readonly #blocks: VoiceBlock[] = [];

  push(block: VoiceBlock): void {
    this.#blocks.push(block);
    if (this.#blocks.length > QUEUED) this.#blocks.shift();
  }

  pull(): VoiceBlock | null {
    return this.#blocks.shift() ?? null;
  }
}
