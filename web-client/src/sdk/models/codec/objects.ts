// What lives in wasm memory: models, and what learns, encodes, decodes and compares with them.

import { CodecError, EXTENDED_RATE, SOUND_RATE } from "./types.js";
import { readScene, readSource } from "./scenes.js";
import type { Encoded, Fidelity, PixelFormat, PluginKind, Progress, Scene, SceneSource } from "./types.js";
import { unpackActivity, type Wasm } from "./wasm.js";

/** Something that lives in wasm memory until it is freed. */
abstract class Held {
  protected readonly wasm: Wasm;
  #handle: number | null;

  /** Made by a Codec or Model. */
  constructor(wasm: Wasm, handle: number) {
    this.wasm = wasm;
    this.#handle = handle;
  }

  /** Gives its memory back. What was made of it stays usable; it does not. */
  free(): void {
    if (this.#handle !== null) this.wasm.exports.sotto_drop(this.#handle);
    this.#handle = null;
  }

  protected get handle(): number {
    if (this.#handle === null) throw new CodecError("used after it was freed");
    return this.#handle;
  }
}

/** What was learned of one speaker. */
export class Model extends Held {
  readonly plugin: number;
  /** 0: the generic model. */
  readonly epoch: number;
  /** 64 lower-case hex digits; empty of the generic model. */
  readonly hash: string;

  /** Made by `Codec.createModel`. */
  constructor(wasm: Wasm, handle: number, plugin: number, epoch: number, hash: string) {
    super(wasm, handle);
    this.plugin = plugin;
    this.epoch = epoch;
    this.hash = hash;
  }

  createEncoder(): Encoder {
    return new Encoder(this.wasm, this.wasm.check(this.wasm.exports.sotto_encoder(this.handle)));
  }

  /** Of a sound plug-in. */
  createSoundDecoder(): SoundDecoder {
    this.#expect("sound");
    return new SoundDecoder(this.wasm, this.wasm.check(this.wasm.exports.sotto_decoder(this.handle)));
  }

  /** Of a picture plug-in. */
  createPictureDecoder(): PictureDecoder {
    this.#expect("picture");
    const handle = this.wasm.check(this.wasm.exports.sotto_decoder(this.handle));
    return new PictureDecoder(this.wasm, handle);
  }

  createGate(): Gate {
    return new Gate(this.wasm, this.wasm.check(this.wasm.exports.sotto_gate(this.handle)));
  }

  #expect(kind: PluginKind): void {
    const actual = this.plugin < 8 ? "sound" : "picture";
    if (actual !== kind) throw new CodecError(`a model of ${actual}, not of ${kind}`);
  }
}

/** Makes a model of raw media of one speaker. */
export class Learner extends Held {
  /** Mono samples, -1 to 1, in order. */
  pushSound(samples: Float32Array, rate = SOUND_RATE): Progress {
    this.wasm.setSamples(0, samples);
    return this.#progress(this.wasm.exports.sotto_learn_sound(this.handle, rate));
  }

  pushPicture(
    pixels: Uint8Array | Uint8ClampedArray,
    width: number,
    height: number,
    format: PixelFormat = "rgba",
  ): Progress {
    this.wasm.setBytes(0, pixels);
    const code = formatCode(format);
    return this.#progress(this.wasm.exports.sotto_learn_picture(this.handle, width, height, code));
  }

  /** A picture for which the gate of the model in use was red, pushed or not. */
  pushMissed(
    pixels: Uint8Array | Uint8ClampedArray,
    width: number,
    height: number,
    format: PixelFormat = "rgba",
  ): void {
    this.wasm.setBytes(0, pixels);
    const code = formatCode(format);
    this.wasm.check(this.wasm.exports.sotto_learn_missed(this.handle, width, height, code));
  }

  /** The body of a model of what has been learned so far. Learning may go on, for a next epoch. */
  finish(): Uint8Array {
    this.wasm.check(this.wasm.exports.sotto_learned(this.handle));
    return this.wasm.output().slice();
  }

  #progress(packed: number): Progress {
    this.wasm.check(packed);
    const perMille = packed & 0xffff;
    return { perMille, usable: (packed & 0x1_0000) !== 0, refined: (packed & 0x2_0000) !== 0 };
  }
}

/** Makes payloads: push the raw media of 80 ms, then `flush`. */
export class Encoder extends Held {
  /** Mono samples, -1 to 1, in order: 80 ms in all before `flush`, in pieces of any length. */
  pushSound(samples: Float32Array, rate = SOUND_RATE): void {
    this.wasm.setSamples(0, samples);
    this.wasm.check(this.wasm.exports.sotto_encode_sound(this.handle, rate));
  }

  /** A picture `offset` ms after the media time of the payload to come, 0 to 79, in order. */
  pushPicture(
    pixels: Uint8Array | Uint8ClampedArray,
    width: number,
    height: number,
    offset: number,
    format: PixelFormat = "rgba",
  ): void {
    this.wasm.setBytes(0, pixels);
    const code = formatCode(format);
    this.wasm.check(this.wasm.exports.sotto_encode_picture(this.handle, width, height, code, offset));
  }

  /** The payload of what was pushed. */
  flush(): Encoded {
    const activity = this.wasm.check(this.wasm.exports.sotto_flush(this.handle));
    return { payload: this.wasm.output().slice(), activity: unpackActivity(activity) };
  }

  /** What was flushed last is not sent: the next payload must stand for itself. */
  restart(): void {
    this.wasm.check(this.wasm.exports.sotto_restart_encoder(this.handle));
  }

  /** Whether the model lacks what the pictures that were flushed last show: a learner is to see them. */
  get misses(): boolean {
    return this.wasm.check(this.wasm.exports.sotto_misses(this.handle)) === 1;
  }
}

/** Makes sound of payloads. Never freed memory, never garbage but the views: fit for a worklet. */
export class SoundDecoder extends Held {
  /** 80 ms at 16 kHz, a view. An empty payload is silence. */
  decode(payload: Uint8Array): Float32Array {
    this.wasm.setBytes(0, payload);
    this.wasm.check(this.wasm.exports.sotto_decode_sound(this.handle));
    return this.wasm.sound();
  }

  /**
   * The sound of the payload before this one, which did not come, a view; null where this one does
   * not repeat it. `decode` of this one comes next.
   */
  decodeBefore(payload: Uint8Array): Float32Array | null {
    this.wasm.setBytes(0, payload);
    const repeats = this.wasm.check(this.wasm.exports.sotto_decode_before(this.handle));
    return repeats === 1 ? this.wasm.sound() : null;
  }

  /** Sound in place of `samples` that did not come (at most 80 ms), a view. */
  conceal(samples: number): Float32Array {
    this.wasm.check(this.wasm.exports.sotto_conceal(this.handle, samples));
    return this.wasm.sound();
  }

  /** What was heard until now in raw form, at 16 kHz, 20 ms or more: the decoder goes on from it. */
  prime(samples: Float32Array): void {
    this.wasm.setSamples(0, samples);
    this.wasm.check(this.wasm.exports.sotto_prime(this.handle));
  }
}

/** Makes sound for ears of decoded sound, one for each voice. As fit for a worklet as decoders. */
export class SoundExtension extends Held {
  /** By what its sound is late, ms. */
  get delay(): number {
    const samples = this.wasm.check(this.wasm.exports.sotto_extension_delay(this.handle));
    return (samples / EXTENDED_RATE) * 1000;
  }

  /** The same 80 ms at 48 kHz, a view: they go on from those before. */
  extend(samples: Float32Array): Float32Array {
    this.wasm.setSamples(0, samples);
    this.wasm.check(this.wasm.exports.sotto_extend(this.handle));
    return this.wasm.sound();
  }

  /** What comes next goes on from this, at 16 kHz, and not from what was before; nothing: silence. */
  restart(before: Float32Array): void {
    this.wasm.setSamples(0, before);
    this.wasm.check(this.wasm.exports.sotto_restart(this.handle));
  }
}

/** Makes pictures of payloads. */
export class PictureDecoder extends Held {
  /** The offsets in ms of the frames of a payload from its media time. They replace those before. */
  decode(payload: Uint8Array): number[] {
    this.wasm.setBytes(0, payload);
    const count = this.wasm.check(this.wasm.exports.sotto_decode_picture(this.handle));
    return [...this.wasm.words(count)];
  }

  /** Frame `frame` of the payload decoded last as RGBA, at any size up to 4096, a view. */
  draw(frame: number, width: number, height: number): Uint8ClampedArray<ArrayBuffer> {
    this.wasm.check(this.wasm.exports.sotto_draw(this.handle, frame, width, height));
    const { buffer, byteOffset, length } = this.wasm.output();
    return new Uint8ClampedArray(buffer, byteOffset, length);
  }

  /**
   * What that frame is made of, to be drawn `width` pixels wide by other means; `null` where the
   * plug-in does not tell.
   */
  scene(frame: number, width: number): Scene | null {
    if (this.wasm.check(this.wasm.exports.sotto_scene(this.handle, frame, width)) === 0) return null;
    return readScene(this.wasm);
  }

  /** A source of scenes, smaller by 2 to the power of `level`, views. It stays the same. */
  source(source: number, level: number): SceneSource {
    this.wasm.check(this.wasm.exports.sotto_scene_source(this.handle, source, level));
    return readSource(this.wasm);
  }
}

/** Tells whether what the other side would see or hear is still the person. */
export class Gate extends Held {
  /** 80 ms of what was recorded, and of what is decoded of it. */
  observeSound(source: Float32Array, decoded: Float32Array, rate = SOUND_RATE): Fidelity {
    this.wasm.setSamples(1, decoded); // first: it may be a view, which the next call moves
    this.wasm.setSamples(0, source);
    return this.#fidelity(this.wasm.exports.sotto_observe_sound(this.handle, rate));
  }

  /** A picture in `format`, and what is drawn of it in RGBA at the same size. */
  observePicture(
    source: Uint8Array | Uint8ClampedArray,
    decoded: Uint8Array | Uint8ClampedArray,
    width: number,
    height: number,
    format: PixelFormat = "rgba",
  ): Fidelity {
    this.wasm.setBytes(1, decoded);
    this.wasm.setBytes(0, source);
    const code = formatCode(format);
    return this.#fidelity(this.wasm.exports.sotto_observe_picture(this.handle, width, height, code));
  }

  #fidelity(code: number): Fidelity {
    const verdict = (["green", "amber", "red"] as const)[this.wasm.check(code)] ?? "red";
    return { verdict, passing: code === PASSING, scores: Array.from(this.wasm.sound()) };
  }
}

/** What a gate answers in place of a verdict: red, but it may pass. */
const PASSING = 3;

function formatCode(format: PixelFormat): number {
  return format === "rgba" ? 0 : 1;
}
