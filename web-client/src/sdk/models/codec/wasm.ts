// The wasm module's exports, and its memory.

import { type Activity, CodecError } from "./types.js";

/** Exports of the wasm module. `handle`s are numbers from 0; a negative result is an error. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  sotto_bytes(slot: number, len: number): number;
  sotto_samples(slot: number, len: number): number;
  sotto_output(): number;
  sotto_output_len(): number;
  sotto_sound(): number;
  sotto_sound_len(): number;
  sotto_plugins(): number;
  sotto_parse_bundle(): number;
  sotto_parse_packet(): number;
  sotto_write_packet(encrypted: number): number;
  sotto_parse_container(): number;
  sotto_write_container(plugin: number, version: number, epoch: number, createdAt: bigint): number;
  sotto_parse_delta(): number;
  sotto_apply_delta(): number;
  sotto_delta_between(): number;
  sotto_level(): number;
  sotto_learner(plugin: number): number;
  sotto_generic(plugin: number): number;
  sotto_extension(plugin: number): number;
  sotto_model(): number;
  sotto_encoder(model: number): number;
  sotto_decoder(model: number): number;
  sotto_gate(model: number): number;
  sotto_drop(handle: number): number;
  sotto_learn_sound(learner: number, rate: number): number;
  sotto_learn_picture(learner: number, width: number, height: number, format: number): number;
  sotto_learn_missed(learner: number, width: number, height: number, format: number): number;
  sotto_learned(learner: number): number;
  sotto_encode_sound(encoder: number, rate: number): number;
  sotto_encode_picture(
    encoder: number,
    width: number,
    height: number,
    format: number,
    offset: number,
  ): number;
  sotto_flush(encoder: number): number;
  sotto_restart_encoder(encoder: number): number;
  sotto_misses(encoder: number): number;
  sotto_decode_sound(decoder: number): number;
  sotto_decode_before(decoder: number): number;
  sotto_conceal(decoder: number, samples: number): number;
  sotto_prime(decoder: number): number;
  sotto_extension_delay(extension: number): number;
  sotto_extend(extension: number): number;
  sotto_restart(extension: number): number;
  sotto_decode_picture(decoder: number): number;
  sotto_draw(decoder: number, frame: number, width: number, height: number): number;
  sotto_scene(decoder: number, frame: number, width: number): number;
  sotto_scene_source(decoder: number, source: number, level: number): number;
  sotto_observe_sound(gate: number, rate: number): number;
  sotto_observe_picture(gate: number, width: number, height: number, format: number): number;
}

/** The module's memory: buffers for arguments, outputs for results. */
export class Wasm {
  readonly exports: Exports;

  constructor(exports: Exports) {
    this.exports = exports;
  }

  setBytes(slot: 0 | 1, bytes: Uint8Array | Uint8ClampedArray): void {
    const source = this.#safe(bytes);
    const at = this.exports.sotto_bytes(slot, source.length);
    new Uint8Array(this.exports.memory.buffer, at, source.length).set(source);
  }

  setSamples(slot: 0 | 1, samples: Float32Array): void {
    const source = this.#safe(samples);
    const at = this.exports.sotto_samples(slot, source.length);
    new Float32Array(this.exports.memory.buffer, at, source.length).set(source);
  }

  /** The result if it is none, else throws what the wasm side says. */
  check(result: number): number {
    if (result < 0) throw new CodecError(ascii(this.output()));
    return result;
  }

  output(): Uint8Array<ArrayBuffer> {
    const { buffer } = this.exports.memory;
    return new Uint8Array(buffer, this.exports.sotto_output(), this.exports.sotto_output_len());
  }

  sound(): Float32Array<ArrayBuffer> {
    const { buffer } = this.exports.memory;
    return new Float32Array(buffer, this.exports.sotto_sound(), this.exports.sotto_sound_len());
  }

  /** The first `count` little-endian 32-bit words of the output. */
  words(count: number): Uint32Array {
    const view = new DataView(this.exports.memory.buffer, this.exports.sotto_output());
    return Uint32Array.from({ length: count }, (_, index) => view.getUint32(index * 4, true));
  }

  /** A view of our own memory is lost when the memory grows: such an argument is copied. */
  #safe<T extends Uint8Array | Uint8ClampedArray | Float32Array>(argument: T): T {
    return argument.buffer === this.exports.memory.buffer ? (argument.slice() as T) : argument;
  }
}

/** Bit 8: there is one; bit 4: talking; bits 3 to 0: level. */
export function unpackActivity(packed: number): Activity | null {
  return packed & 0x100 ? { level: packed & 0xf, talking: (packed & 0x10) !== 0 } : null;
}

/** An AudioWorklet has no TextDecoder. */
export function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
