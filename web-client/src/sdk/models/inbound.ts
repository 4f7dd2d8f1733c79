import type { Slot } from "../slots.js";
import type { BundlesCommand, BundlesReport } from "./bundles.protocol.js";
import BundlesWorker from "./bundles.worker.js?worker&inline";
import type { ArrivedBlock, DemuxCounts } from "./demux.js";
import { GENERIC_EPOCH } from "./codec.js";
import { DiskCache } from "./diskcache.js";
import { Faces } from "./faces.js";
import { ModelStore, ModelTransferError } from "./fetch.js";
import { Forms } from "./forms.js";
import type { FormState } from "./forms.js";
import { sourceOf } from "./messages.js";
import type {
  DiskCopy,
  FetchModel,
  ForgetModel,
  ModelClientMessage,
  ModelCopy,
  ModelServerMessage,
  ModelSource,
  PlayedForm,
  PluginSupport,
} from "./messages.js";
import type { SoundOutput } from "./output.js";
import { Voices } from "./voices.js";

/** What the receiving half needs of its room. */
export interface InboundHost {
  send(message: ModelClientMessage): void;
  audioSlots(): readonly { slot: Slot; participant: string | null; screen: boolean }[];
  /** `null`: nobody of this id is here. */
  shortIdOf(participant: string): number | null;
  /** Somebody is played in another form, or for another reason. */
  formChanged(state: FormState): void;
  /** What can be played here changed. */
  supportChanged(): void;
}

/** One half of somebody's model media, for those who align it with the other. */
export interface ModelHalf {
  /** From capture to ear or eye on the node's clock, ms. */
  latency: number;
  /** How long media waits for its time, ms. */
  wait: number;
}

/** What comes: other people's models, bundles, and who is played in which form. */
export class Inbound {
  readonly forms = new Forms();
  readonly faces: Faces;
  readonly #host: InboundHost;
  readonly #worker = new BundlesWorker();
  /** By hash: what is being fetched or made ready. */
  readonly #awaited = new Map<string, FetchModel>();
  /** By person, plug-in and epoch: hashes that are ready. */
  readonly #held = new Map<string, string>();
  readonly #disk = new DiskCache();
  /** By hash: how copies may be kept on disk. */
  readonly #copies = new Map<string, DiskCopy>();
  #voices: Voices | null = null;
  #store: ModelStore | null = null;
  #abort = new AbortController();
  #support: readonly PluginSupport[] | null = null;
  #counts: DemuxCounts | null = null;
  #tap: ((block: ArrivedBlock) => void) | null = null;

  constructor(host: InboundHost) {
    this.#host = host;
    this.faces = new Faces({
      tell: (command, transfer) => this.#tell(command, transfer),
      form: (participant) => this.forms.of(participant, "camera"),
      arrived: (participant, form) => this.#arrived(participant, "camera", form),
      opened: () => host.supportChanged(),
    });
    this.#worker.onmessage = ({ data }: MessageEvent<BundlesReport>) => this.#hear(data);
  }

  /** What can be played, measured; `null`: not known yet. A voice needs `playSound`, a face a canvas. */
  get support(): PluginSupport[] | null {
    return (
      this.#support?.map(({ plugin, version, decode }) => {
        const played = sourceOf(plugin) === "microphone" ? this.#voices !== null : this.faces.any;
        return { plugin, version, decode: played ? decode : "no" };
      }) ?? null
    );
  }

  /** Whether this device was measured to be too slow for a plug-in. */
  isSlow(plugin: number): boolean {
    return this.#support?.find((support) => support.plugin === plugin)?.decode === "tooSlow";
  }

  /** What became of everything that came; `null`: nothing yet. */
  get counts(): DemuxCounts | null {
    return this.#counts;
  }

  get voices(): Voices | null {
    return this.#voices;
  }

  /** The codec is there. */
  start(module: WebAssembly.Module): void {
    this.#tell({ type: "start", module });
    void this.#disk.sweep();
  }

  /** Takes over the m-line and the channel of a new connection, before they are offered. */
  attach(line: RTCRtpTransceiver | null, channel: RTCDataChannel): void {
    if (line && typeof RTCRtpScriptTransform !== "undefined") {
      line.receiver.transform = new RTCRtpScriptTransform(this.#worker, {});
    }
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#tell({ type: "bundle", bytes: data }, [data]);
    };
  }

  /** The node let us in, and this is where its models are. */
  connected(store: ModelStore): void {
    this.#store = store;
  }

  /** The connection is over: all is raw until the node says otherwise. */
  disconnected(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#awaited.clear();
    this.#copies.clear();
    this.#store = null;
    this.forms.clear();
  }

  /** From now on everything is heard through `output`, whose processors are loaded. */
  playSound(output: SoundOutput): void {
    this.#voices = new Voices({
      output,
      tell: (command, transfer) => this.#tell(command, transfer),
      audioSlots: () => this.#host.audioSlots(),
      form: (participant) => this.forms.of(participant, "microphone"),
      arrived: (participant, form) => this.#arrived(participant, "microphone", form),
    });
    for (const state of this.forms.all) this.#prepare(state);
    this.#host.supportChanged();
  }

  /** Nothing is heard any more. */
  stopSound(): void {
    this.#voices?.stop();
    this.#voices = null;
    this.#host.supportChanged();
  }

  receive(message: ModelServerMessage): void {
    switch (message.type) {
      case "forms":
        for (const state of this.forms.apply(message.forms)) this.#formSaid(state);
        return;
      case "fetchModel":
        return void this.#fetch(message);
      case "forgetModel":
        return this.#forget(message);
      case "modelCopy":
        return this.#allowCopy(message);
    }
  }

  /** Somebody left. */
  remove(participant: string, shortId: number): void {
    this.forms.remove(participant);
    this.#voices?.remove(participant);
    this.#tell({ type: "remove", participant: shortId });
    for (const key of this.#held.keys()) if (key.startsWith(`${shortId} `)) this.#held.delete(key);
  }

  /** The model half of one person's source where that is what is played, else `null`. */
  half(participant: string, source: ModelSource): ModelHalf | null {
    if (this.forms.of(participant, source)?.form !== "model") return null;
    return (source === "microphone" ? this.#voices : this.faces)?.latency(participant) ?? null;
  }

  /** Has one person's model media wait at least so long, ms; `null`: as short as possible. */
  hold(participant: string, source: ModelSource, ms: number | null): void {
    const shortId = this.#host.shortIdOf(participant);
    if (source === "microphone") this.#voices?.holdForLips(participant, ms ?? 0);
    else if (shortId !== null) {
      this.#tell({ type: "hold", participant: shortId, who: "face", ms: ms ?? 0 });
    }
  }

  /** Tells of each block as it arrives, for diagnosis; `null`: no more. */
  tap(listener: ((block: ArrivedBlock) => void) | null): void {
    this.#tap = listener;
    this.#tell({ type: "tap", on: listener !== null });
  }

  stop(): void {
    this.#abort.abort();
    this.#voices?.stop();
    this.faces.stop();
    this.#worker.terminate();
  }

  #tell(command: BundlesCommand, transfer: Transferable[] = []): void {
    this.#worker.postMessage(command, transfer);
  }

  #hear(report: BundlesReport): void {
    switch (report.type) {
      case "support":
        this.#support = report.plugins;
        return this.#host.supportChanged();
      case "held":
        return this.#isHeld(report);
      case "failed":
        return this.#hasFailed(report);
      case "container":
        return this.#keepCopy(report);
      case "clock":
        this.#voices?.setClock(report.participant, report);
        return this.faces.setClock(report.participant, report);
      case "drawn":
        return this.faces.drawn(report);
      case "arrived":
        return this.#tap?.(report.block);
      case "counts":
        this.#counts = report.counts;
    }
  }

  #formSaid(state: FormState): void {
    if (state.anchor) {
      this.#tell({ type: "anchor", participant: state.shortId, timestamp: state.anchor.media });
    }
    const { shortId, plugin, epoch } = state;
    if (epoch === GENERIC_EPOCH && plugin !== null) {
      this.#tell({ type: "generic", participant: shortId, plugin });
    }
    this.#prepare(state);
    if (state.source === "camera") this.faces.formChanged(state.participant);
    this.#host.formChanged(state);
  }

  /** A voice that may soon be played from its model has its node ready. */
  #prepare({ participant, shortId, source, wanted, epoch }: FormState): void {
    if (source === "microphone" && (wanted === "model" || epoch !== null)) {
      this.#voices?.open(participant, shortId);
    }
  }

  #arrived(participant: string, source: ModelSource, form: PlayedForm): void {
    const told = this.forms.arrived(participant, source, form);
    if (told) this.#host.send(told);
    const state = this.forms.of(participant, source);
    if (state) this.#host.formChanged(state);
  }

  async #fetch(message: FetchModel): Promise<void> {
    const { participant, source, plugin, epoch, hash } = message;
    const shortId = this.#host.shortIdOf(participant);
    const store = this.#store;
    if (shortId === null || !store) return;
    if (this.#held.get(`${shortId} ${plugin} ${epoch}`) === hash) {
      return this.#host.send({ type: "modelHeld", participant, source, epoch });
    }
    this.#awaited.set(hash, message);
    try {
      const copy = this.#copies.get(hash);
      const kept = copy ? await this.#disk.get(hash, copy) : null;
      const bytes = kept ?? (await store.get(hash, message.base ?? null, this.#abort.signal));
      this.#tell({ type: "model", participant: shortId, plugin, hash, bytes }, [bytes]);
    } catch (error) {
      this.#awaited.delete(hash);
      if (error instanceof ModelTransferError) {
        this.#host.send({ type: "modelFailed", participant, source, epoch, reason: "fetch" });
      } else if (!(error instanceof DOMException)) throw error;
    }
  }

  #isHeld({ participant: shortId, plugin, epoch, hash }: BundlesReport & { type: "held" }): void {
    const awaited = this.#awaited.get(hash);
    this.#awaited.delete(hash);
    this.#held.set(`${shortId} ${plugin} ${epoch}`, hash);
    if (this.#copies.has(hash)) this.#tell({ type: "container", hash });
    if (!awaited) return;
    const { participant, source } = awaited;
    this.#host.send({ type: "modelHeld", participant, source, epoch });
  }

  #hasFailed({ participant, plugin, epoch, hash, reason }: BundlesReport & { type: "failed" }): void {
    const awaited = hash === null ? null : this.#awaited.get(hash);
    const source = sourceOf(plugin);
    if (awaited && reason === "corrupt" && awaited.base) {
      // The base is gone, or the delta was made of another one: the whole, then.
      return void this.#fetch({ ...awaited, base: null });
    }
    if (hash !== null) this.#awaited.delete(hash);
    const state = this.forms.all.find((one) => one.shortId === participant && one.source === source);
    const id = awaited?.participant ?? state?.participant;
    if (!id) return;
    const failed = awaited?.epoch ?? epoch;
    this.#host.send({ type: "modelFailed", participant: id, source, epoch: failed, reason });
  }

  /** What its speaker does not allow any longer is nowhere on this device. */
  #allowCopy({ hash, copy }: ModelCopy): void {
    if (copy) {
      this.#copies.set(hash, copy);
      if ([...this.#held.values()].includes(hash)) this.#tell({ type: "container", hash });
    } else this.#removeCopy(hash);
  }

  #keepCopy({ hash, container }: BundlesReport & { type: "container" }): void {
    const copy = this.#copies.get(hash);
    if (copy) void this.#disk.put(hash, container, copy);
  }

  #removeCopy(hash: string): void {
    this.#copies.delete(hash);
    void this.#disk.remove(hash);
  }

  #forget({ participant, hash, left }: ForgetModel): void {
    if (left) this.#copies.delete(hash);
    else this.#removeCopy(hash);
    const shortId = this.#host.shortIdOf(participant);
    for (const [key, held] of this.#held) {
      const [owner, plugin, epoch] = key.split(" ").map(Number);
      if (held !== hash || owner !== shortId || plugin === undefined || epoch === undefined) continue;
      this.#held.delete(key);
      this.#tell({ type: "forget", participant: shortId ?? 0, plugin, epoch, hash });
    }
  }
}
