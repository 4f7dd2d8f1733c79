import type { Publication } from "../publication.js";
import { SottoError } from "../errors.js";
import type { Slot } from "../slots.js";
import { Carrier, MODELS_LABEL } from "./carrier.js";
import { loadCodec } from "./codecsource.js";
import type { LoadedCodec, LoadedPlugin } from "./codecsource.js";
import type { ArrivedBlock, DemuxCounts } from "./demux.js";
import type { Faces } from "./faces.js";
import { ModelStore } from "./fetch.js";
import type { FormState } from "./forms.js";
import { Inbound } from "./inbound.js";
import type { ModelHalf } from "./inbound.js";
import type {
  LearningPlace,
  ModelClientMessage,
  ModelPolicy,
  ModelServerMessage,
  ModelSource,
  ModelTransport,
} from "./messages.js";
import { Outbound } from "./outbound.js";
import type { OwnModel } from "./outbound.js";
import { SoundOutput } from "./output.js";
import { UplinkWatch } from "./uplink.js";
import type { VoiceStats } from "./voices.js";

/** How models are used. */
export interface ModelOptions {
  /** Address of `sotto-codec.wasm`. */
  codec: string | URL;
  /** How others are to be sent to this client. Default: what the room says. */
  policy?: ModelPolicy;
  /** Plug-ins that own models are learned for. Default: voice (1) and face (9) where the codec has them. */
  plugins?: { microphone?: number; camera?: number };
}

/** How a model of one's own is learned. */
export interface LearnOptions {
  /** Whether it is kept for the next meeting, by the node and in copies by those who are sent it. */
  keep?: boolean;
}

const SOURCES: readonly ModelSource[] = ["microphone", "camera"];

/** Plug-ins of people, before those of tests. */
const PREFERRED: Record<ModelSource, number> = { microphone: 1, camera: 9 };

/** What models need of their room. */
export interface ModelsHost {
  /** Says something to the node, if there is a connection. */
  send(message: ModelClientMessage): void;
  audioSlots(): readonly { slot: Slot; participant: string | null; screen: boolean }[];
  shortIdOf(participant: string): number | null;
  publication(source: ModelSource): Publication | null;
  formChanged(state: FormState): void;
  ownChanged(model: OwnModel): void;
  /** What the line to the node carries, bit/s; `null`: not known. */
  uplink(): Promise<number | null>;
  /** Models cannot be used; all else goes on. */
  failed(error: SottoError): void;
}

/** How models are had on one connection, as the node says. */
interface ModelAccess {
  key: string;
  policy: ModelPolicy;
  /** Where they are learned; a node that does not say learns none. */
  learn?: LearningPlace;
}

/** A connection, before it is offered. */
export interface ModelConnection {
  send: RTCRtpTransceiver | null;
  receive: RTCRtpTransceiver | null;
  openChannel(label: string): RTCDataChannel;
}

/**
 * The model forms of a room: other people's, and one's own. Lives as long as the room does, across
 * connections.
 */
export class Models {
  readonly #options: ModelOptions;
  readonly #host: ModelsHost;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #carrier = new Carrier();
  readonly #uplink: UplinkWatch;
  readonly #loading: Promise<LoadedCodec | null>;
  #output: SoundOutput | null = null;
  #store: ModelStore | null = null;
  #policy: ModelPolicy | null;
  #enabled = false;
  #transport: ModelTransport = Carrier.possible ? "rtp" : "data";
  #told = "";
  #problem: SottoError | null = null;
  #stopped = false;

  /** For `Room`. Begins to fetch the codec. */
  constructor(options: ModelOptions, host: ModelsHost) {
    this.#options = options;
    this.#host = host;
    this.#policy = options.policy ?? null;
    this.#inbound = new Inbound({
      send: (message) => host.send(message),
      audioSlots: () => host.audioSlots(),
      shortIdOf: (participant) => host.shortIdOf(participant),
      formChanged: (state) => host.formChanged(state),
      supportChanged: () => this.#tellSupport(),
    });
    this.#outbound = new Outbound(
      {
        send: (message) => host.send(message),
        publication: (source) => host.publication(source),
        isSlow: (plugin) => this.#inbound.isSlow(plugin),
        changed: (model) => host.ownChanged(model),
      },
      this.#carrier,
    );
    this.#uplink = new UplinkWatch({
      needed: () => this.#outbound.mayBeGeneric,
      read: () => host.uplink(),
      tell: (bitrate) => host.send({ type: "uplink", bitrate }),
    });
    this.#loading = this.#load();
  }

  /** Whether the node uses models on the present connection. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Why models cannot be used here, although the node uses them; `null`: they can, as far as is known. */
  get problem(): SottoError | null {
    return this.#problem;
  }

  /** How others are to be sent to this client; `null` before the node let us in. */
  get policy(): ModelPolicy | null {
    return this.#policy;
  }

  /** Everybody of whom the node has said in which form they come. */
  get forms(): readonly FormState[] {
    return this.#inbound.forms.all;
  }

  /** How the model stream travels. */
  get transport(): ModelTransport {
    return this.#transport;
  }

  /** What became of all bundles; `null`: none came yet. */
  get counts(): DemuxCounts | null {
    return this.#inbound.counts;
  }

  /** The model voices that are ready or played, by participant, for diagnosis. */
  get voices(): ReadonlyMap<string, VoiceStats> {
    return this.#inbound.voices?.stats ?? new Map<string, VoiceStats>();
  }

  setPolicy(policy: ModelPolicy): void {
    this.#policy = policy;
    if (this.#enabled) this.#host.send({ type: "policy", policy });
  }

  /** Where one's own model of this source stands. */
  own(source: ModelSource): OwnModel {
    return this.#outbound.of(source);
  }

  /**
   * Learns a model of the own voice or face and lets others be sent it. Only to be called when the
   * speaker has agreed: a model of a voice or a face is biometric data. With `keep` the node keeps it
   * for the next meeting of this identity, encrypted, if it keeps any (`keptDays`), and what it has
   * from the last one is used at once; those who are sent it keep copies that only the node can open. Where the node says so, and where it may and this device is too
   * slow, the node learns, of what it is sent raw. Resolves when it has begun; the `ownModel` event tells
   * the rest.
   */
  async learn(source: ModelSource, { keep = false }: LearnOptions = {}): Promise<void> {
    if (!this.#enabled) throw new SottoError("noModels", "this room uses no models");
    if (!this.#host.publication(source)) throw new SottoError("usage", `no ${source} is published`);
    const codec = await this.#loading;
    const plugin = codec && this.#pluginOf(source, codec);
    if (!codec || plugin === null) throw new SottoError("noModels", `no codec for a ${source}`);
    const output = this.output();
    await this.#carrier.run(output.context);
    const keeps = keep && (await this.keptDays()) !== null;
    const begun = this.#outbound.learn(source, plugin, codec.module, output.context, keeps);
    await this.#probe();
    await begun;
  }

  /** For how many days the node keeps models between meetings; `null`: it keeps none. */
  async keptDays(): Promise<number | null> {
    const shelf = await this.#store?.kept().catch(() => null);
    return shelf?.days ?? null;
  }

  /** Whether own models are kept for the next meeting from now on. No: what is kept is removed, too. */
  async keep(keep: boolean): Promise<void> {
    if ((await this.keptDays()) === null) return;
    await Promise.all(SOURCES.map((source) => this.#outbound.keep(source, keep)));
    if (!keep) await this.#store?.forgetKept();
  }

  /** Withdraws: the node and everybody who has it forget the own model of this source. */
  forget(source: ModelSource): void {
    this.#outbound.forget(source);
  }

  /** Tells of each block of a model stream as it arrives, for diagnosis; `null`: no more. */
  tap(listener: ((block: ArrivedBlock) => void) | null): void {
    this.#inbound.tap(listener);
  }

  // --- what the library asks ---

  /** For `playSound`: what everything is heard through. */
  output(): SoundOutput {
    if (!this.#output) {
      this.#output = new SoundOutput();
      // Frames of the carrier begin to come when it may play.
      this.#output.context.onstatechange = () => void this.#probe();
    }
    return this.#output;
  }

  /** For `playSound`: takes over what is heard. */
  async playSound(): Promise<void> {
    const output = this.output();
    await output.prepare();
    if (this.#stopped) return;
    const microphone = this.#host.publication("microphone");
    if (microphone) output.watchEcho(microphone.track);
    this.#inbound.playSound(output);
  }

  /** For `playSound`. */
  stopSound(): void {
    this.#inbound.stopSound();
  }

  /** For `renderSlot`. */
  get faces(): Faces {
    return this.#inbound.faces;
  }

  /** For lip sync: the model half of somebody's media, where that is what is played. */
  half(participant: string, source: ModelSource): ModelHalf | null {
    return this.#inbound.half(participant, source);
  }

  /** For lip sync. */
  hold(participant: string, source: ModelSource, ms: number | null): void {
    this.#inbound.hold(participant, source, ms);
  }

  /** For lip sync: the form in which somebody's source is played. */
  playedForm(participant: string, source: ModelSource): "raw" | "model" {
    return this.#inbound.forms.of(participant, source)?.form ?? "raw";
  }

  /** For `Room`: a connection that has offered nothing yet. */
  attach({ send, receive, openChannel }: ModelConnection): void {
    const channel = openChannel(MODELS_LABEL);
    this.#inbound.attach(receive, channel);
    this.#carrier.attach(send, channel);
  }

  /** For `Room`: the node let us in; `access` is what its welcome said of models. */
  connected(signalUrl: string, access: ModelAccess | null): void {
    this.#enabled = access !== null;
    this.#told = "";
    if (!access) return;
    const store = new ModelStore(signalUrl, access.key);
    this.#store = store;
    this.#inbound.connected(store);
    if (this.#policy !== null && this.#policy !== access.policy) this.setPolicy(this.#policy);
    else this.#policy = access.policy;
    this.#tellSupport();
    this.#outbound.connected(store, access.learn ?? "publisher");
    this.#uplink.start();
    void this.#probe();
  }

  /** For `Room`: the connection is over. */
  disconnected(): void {
    this.#enabled = false;
    this.#store = null;
    this.#uplink.stop();
    this.#inbound.disconnected();
    this.#outbound.disconnected();
  }

  /** For `Room`: what the node says of models. */
  receive(message: ModelServerMessage): void {
    switch (message.type) {
      case "modelDemand":
        return this.#outbound.demand(message);
      case "modelAccepted":
        return this.#outbound.accepted(message.source as ModelSource, message.epoch);
      case "learner":
        return this.#outbound.learner(message);
      case "modelLearned":
        void this.#outbound.learned(message);
        return;
      default:
        this.#inbound.receive(message);
    }
  }

  /** For `Room`: somebody left. */
  remove(participant: string, shortId: number): void {
    this.#inbound.remove(participant, shortId);
  }

  /** For `Room`: what is published of this source is another track now, or is muted. */
  trackChanged(source: ModelSource): void {
    this.#outbound.trackChanged(source);
    const track = source === "microphone" ? this.#host.publication(source)?.track : undefined;
    if (track && this.#inbound.voices) this.#output?.watchEcho(track);
  }

  /** For `Room`: it is over. */
  stop(): void {
    this.#stopped = true;
    this.#uplink.stop();
    this.#inbound.stop();
    this.#outbound.stop();
    this.#carrier.stop();
    void this.#output?.close();
  }

  async #load(): Promise<LoadedCodec | null> {
    try {
      const codec = await loadCodec(this.#options.codec);
      if (this.#stopped) return null;
      this.#inbound.start(codec.module);
      this.#carrier.start(codec.module);
      return codec;
    } catch (cause) {
      this.#problem = new SottoError("noModels", "the model codec cannot be loaded", { cause });
      this.#host.failed(this.#problem);
      return null;
    }
  }

  /** Finds out which way packets can take, once there is something to carry and sound may run. */
  async #probe(): Promise<void> {
    const running = this.#output?.context.state === "running";
    if (!this.#enabled || !running || !this.#carrier.hasTrack) return;
    const transport = await this.#carrier.probe();
    this.#outbound.settle();
    if (transport === this.#transport) return;
    this.#transport = transport;
    this.#tellSupport();
  }

  #tellSupport(): void {
    const plugins = this.#enabled ? this.#inbound.support : null;
    if (!plugins) return;
    const told = JSON.stringify([plugins, this.#transport]);
    if (told === this.#told) return;
    this.#told = told;
    this.#host.send({ type: "modelSupport", plugins, transport: this.#transport });
  }

  #pluginOf(source: ModelSource, { plugins }: LoadedCodec): LoadedPlugin | null {
    const kind = source === "microphone" ? "sound" : "picture";
    const own = plugins.filter((plugin) => plugin.kind === kind);
    const asked = this.#options.plugins?.[source];
    if (asked !== undefined) return own.find(({ id }) => id === asked) ?? null;
    return own.find(({ id }) => id === PREFERRED[source]) ?? own[0] ?? null;
  }
}
