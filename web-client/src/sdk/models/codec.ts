// The model codec: sotto-codec.wasm (crate sotto-wasm) behind types. Pure computing, no DOM: it runs
// in a page, a Worker, an AudioWorklet and under node.
//
// Arguments are written to buffers that the wasm side owns, results are read from its outputs. What
// says "view" below is a view of wasm memory: it is good until the next call of anything of the same
// Codec, and is to be copied to be kept. Everything else is a copy.

import { Learner, Model, SoundExtension } from "./codec/objects.js";
import { CodecError } from "./codec/types.js";
import type {
  BundleEntry,
  ContainerInfo,
  DeltaInfo,
  Entry,
  ModelPacket,
  PluginInfo,
} from "./codec/types.js";
import { ascii, type Exports, unpackActivity, Wasm } from "./codec/wasm.js";

export * from "./codec/objects.js";
export * from "./codec/types.js";

/** The codec: formats, and the plug-ins that this build has. */
export class Codec {
  readonly plugins: readonly PluginInfo[];
  readonly #wasm: Wasm;

  /**
   * Over a compiled module, at once. In a page a large module may not be compiled at once: use
   * `load`, and hand the module on to workers and worklets.
   */
  constructor(module: WebAssembly.Module) {
    this.#wasm = new Wasm(new WebAssembly.Instance(module, {}).exports as unknown as Exports);
    this.plugins = this.#readPlugins();
  }

  /** Compiles the bytes of sotto-codec.wasm. `Codec.compile(await (await fetch(url)).arrayBuffer())` */
  static async compile(bytes: BufferSource): Promise<WebAssembly.Module> {
    return WebAssembly.compile(bytes);
  }

  /** A codec over the bytes of sotto-codec.wasm. */
  static async load(bytes: BufferSource): Promise<Codec> {
    return new Codec(await Codec.compile(bytes));
  }

  /** Every entry of a bundle, in its order. Throws where any byte of it is wrong. */
  parseBundle(bytes: Uint8Array): BundleEntry[] {
    this.#wasm.setBytes(0, bytes);
    const count = this.#wasm.check(this.#wasm.exports.sotto_parse_bundle());
    const fields = this.#wasm.words(count * 6);
    return Array.from({ length: count }, (_, index) => {
      const [participant, plugin, epoch, time, offset, len] = six(fields, index * 6);
      return { participant, plugin, epoch, time, payload: bytes.slice(offset, offset + len) };
    });
  }

  /** A model packet as a publisher wrote it. Throws where any byte of it is wrong. */
  parsePacket(bytes: Uint8Array): ModelPacket {
    this.#wasm.setBytes(0, bytes);
    const count = this.#wasm.check(this.#wasm.exports.sotto_parse_packet());
    const fields = this.#wasm.words(1 + count * 6);
    const blocks: { time: number; entries: Entry[] }[] = [];
    let current = -1;
    for (let at = 1; at < fields.length; at += 6) {
      const [block, time, header, activity, offset, len] = six(fields, at);
      if (block !== current) blocks.push({ time, entries: [] });
      current = block;
      blocks.at(-1)?.entries.push({
        plugin: header >> 3,
        epoch: header & 7,
        activity: unpackActivity(activity),
        payload: bytes.slice(offset, offset + len),
      });
    }
    return { encrypted: fields[0] === 1, blocks };
  }

  /** The bytes of a model packet. Throws where a limit is broken. */
  writePacket({ encrypted, blocks }: ModelPacket): Uint8Array {
    const records: number[] = [];
    blocks.forEach((block, index) => {
      for (const { plugin, epoch, activity, payload } of block.entries) {
        const packed = activity === null ? 0 : 0x100 | (activity.talking ? 0x10 : 0) | activity.level;
        records.push(index, ...word(block.time), plugin, epoch & 7, packed >> 8, packed & 0xff);
        records.push(payload.length >> 8, payload.length & 0xff, ...payload);
      }
    });
    this.#wasm.setBytes(0, Uint8Array.from(records));
    this.#wasm.check(this.#wasm.exports.sotto_write_packet(encrypted ? 1 : 0));
    return this.#wasm.output().slice();
  }

  /** Checks a container, its digest too. */
  parseContainer(bytes: Uint8Array): ContainerInfo {
    this.#wasm.setBytes(0, bytes);
    this.#wasm.check(this.#wasm.exports.sotto_parse_container());
    const [plugin, pluginVersion, epoch, high, low, offset] = six(this.#wasm.words(7), 0);
    const len = this.#wasm.words(7)[6] ?? 0;
    return {
      plugin,
      pluginVersion,
      epoch,
      createdAt: high * 2 ** 32 + low,
      hash: hex(this.#wasm.output().subarray(7 * 4)),
      body: bytes.slice(offset, offset + len),
    };
  }

  /** The bytes of a container around what a learner learned, and their hash. */
  writeContainer(
    container: Pick<ContainerInfo, "plugin" | "epoch" | "createdAt" | "body">,
  ): { bytes: Uint8Array; hash: string } {
    const version = this.plugins.find(({ id }) => id === container.plugin)?.version;
    if (version === undefined) throw new CodecError(`no plug-in ${container.plugin}`);
    this.#wasm.setBytes(0, container.body);
    const { plugin, epoch, createdAt } = container;
    this.#wasm.check(
      this.#wasm.exports.sotto_write_container(plugin, version, epoch, BigInt(createdAt)),
    );
    const bytes = this.#wasm.output().slice();
    return { bytes, hash: hex(bytes.subarray(-32)) };
  }

  /** Checks a delta, and tells what it is between. */
  parseDelta(bytes: Uint8Array): DeltaInfo {
    this.#wasm.setBytes(0, bytes);
    this.#wasm.check(this.#wasm.exports.sotto_parse_delta());
    const hashes = this.#wasm.output();
    return { base: hex(hashes.subarray(0, 32)), target: hex(hashes.subarray(32)) };
  }

  /** The container that `delta` makes of the container `base`; checked on every side. */
  applyDelta(base: Uint8Array, delta: Uint8Array): Uint8Array {
    this.#wasm.setBytes(0, base);
    this.#wasm.setBytes(1, delta);
    this.#wasm.check(this.#wasm.exports.sotto_apply_delta());
    return this.#wasm.output().slice();
  }

  /** The delta that makes the container `target` of the container `base`. */
  deltaBetween(base: Uint8Array, target: Uint8Array): Uint8Array {
    this.#wasm.setBytes(0, base);
    this.#wasm.setBytes(1, target);
    this.#wasm.check(this.#wasm.exports.sotto_delta_between());
    return this.#wasm.output().slice();
  }

  /** Level of sound as an `Activity` has it: 0 loudest to 15 silence. */
  level(samples: Float32Array): number {
    this.#wasm.setSamples(0, samples);
    return this.#wasm.check(this.#wasm.exports.sotto_level());
  }

  /** A learner that knows nothing yet. */
  createLearner(plugin: number): Learner {
    return new Learner(this.#wasm, this.#wasm.check(this.#wasm.exports.sotto_learner(plugin)));
  }

  /** A model from its container. Throws where this build has not its plug-in in that version. */
  createModel(container: Uint8Array): Model {
    const { plugin, epoch, hash } = this.parseContainer(container);
    this.#wasm.setBytes(0, container);
    const handle = this.#wasm.check(this.#wasm.exports.sotto_model());
    return new Model(this.#wasm, handle, plugin, epoch, hash);
  }

  /** The model that knows no speaker, epoch 0; null where the plug-in has none. */
  createGenericModel(plugin: number): Model | null {
    const handle = this.#wasm.exports.sotto_generic(plugin);
    return handle < 0 ? null : new Model(this.#wasm, handle, plugin, 0, "");
  }

  /** Makes sound at 48 kHz of what decoders of a sound plug-in make. */
  createExtension(plugin: number): SoundExtension {
    const handle = this.#wasm.check(this.#wasm.exports.sotto_extension(plugin));
    return new SoundExtension(this.#wasm, handle);
  }

  #readPlugins(): PluginInfo[] {
    const count = this.#wasm.check(this.#wasm.exports.sotto_plugins());
    const bytes = this.#wasm.output();
    const plugins: PluginInfo[] = [];
    for (let at = 0; plugins.length < count; ) {
      const [id = 0, version = 0, len = 0] = bytes.subarray(at, at + 3);
      const name = ascii(bytes.subarray(at + 3, at + 3 + len));
      plugins.push({ id, version, name, kind: id < 8 ? "sound" : "picture" });
      at += 3 + len;
    }
    return plugins;
  }
}

function six(words: Uint32Array, at: number): [number, number, number, number, number, number] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = words.subarray(at, at + 6);
  return [a, b, c, d, e, f];
}

function word(value: number): [number, number, number, number] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
