import type { Publication } from "../publication.js";
import { SourceCapture } from "./capture.js";
import type { LearnedModel } from "./capture.js";
import type { Carrier } from "./carrier.js";
import { ModelTransferError } from "./fetch.js";
import type { LoadedPlugin } from "./codecsource.js";
import type { ModelStore } from "./fetch.js";
import type { GateState } from "./gatewatch.js";
import { learnsOnNode } from "./learningplace.js";
import type {
  LearnedNotice,
  LearnerNotice,
  LearningPlace,
  ModelClientMessage,
  ModelDemand,
  ModelSource,
} from "./messages.js";

/** Where a model of one's own stands. */
export interface OwnModel {
  readonly source: ModelSource;
  /**
   * `none`: there is none; `waiting`: the node is to learn it, and is busy with others; `learning`: it is
   * being learned; `refused`: the node cannot learn it; `given`: the node has one.
   */
  readonly state: "none" | "waiting" | "learning" | "refused" | "given";
  /** Who learns, or learned. */
  readonly learner: "device" | "node";
  /** How much has been learned, 0 to 1, while it is learning. */
  readonly progress: number;
  /** Epoch of the model that the node has; 0: none. */
  readonly epoch: number;
  /** Whether it fits what is there now; `null`: nobody has looked. */
  readonly gate: GateState | null;
  /** Whether anybody is sent it now. */
  readonly sent: boolean;
}

/** What the sending half needs of its room. */
export interface OutboundHost {
  send(message: ModelClientMessage): void;
  publication(source: ModelSource): Publication | null;
  /** Whether this device was measured to be too slow for this plug-in. */
  isSlow(plugin: number): boolean;
  changed(model: OwnModel): void;
}

interface Own {
  readonly source: ModelSource;
  readonly plugin: LoadedPlugin;
  readonly capture: SourceCapture;
  /** Whether the node is to keep its models for another meeting. */
  keep: boolean;
  /** Its learner on this device was too slow. */
  tooSlow: boolean;
  /** The node said that it cannot learn it. */
  refused: boolean;
  /** Runs while a model of an earlier meeting does not fit this one. */
  unfit: ReturnType<typeof setTimeout> | null;
  model: OwnModel;
  learned: LearnedModel | null;
  demanded: { active: boolean; epoch: number | null };
}

/** A model of an earlier meeting that has not fitted for so long, ms, is learned anew. */
const UNFIT_MS = 20_000;

/** Nothing to be sent yet. */
const NO_DEMAND: Pick<ModelDemand, "packetTime" | "redundancy"> = { packetTime: 80, redundancy: 0 };

/** What goes: one's own models and what is encoded with them. */
export class Outbound {
  readonly #host: OutboundHost;
  readonly #carrier: Carrier;
  readonly #own = new Map<ModelSource, Own>();
  #shape = NO_DEMAND;
  #store: ModelStore | null = null;
  #place: LearningPlace = "publisher";

  constructor(host: OutboundHost, carrier: Carrier) {
    this.#host = host;
    this.#carrier = carrier;
  }

  /** Where one's own model of this source stands. */
  of(source: ModelSource): OwnModel {
    return this.#own.get(source)?.model ?? nothing(source);
  }

  /** The node let us in, and says where models are learned: it is told again of what it may have forgotten. */
  connected(store: ModelStore, place: LearningPlace): void {
    this.#store = store;
    this.#place = place;
    for (const own of this.#own.values()) {
      if (own.plugin.generic) this.#consent(own);
      if (own.model.state !== "given") this.#learn(own);
      if (own.learned) void this.#give(own, { ...own.learned, delta: null });
    }
  }

  /** Whether a voice may be sent in the generic model, so that what the line carries matters. */
  get mayBeGeneric(): boolean {
    const voice = this.#own.get("microphone");
    return voice !== undefined && voice.plugin.generic && voice.model.state !== "given";
  }

  disconnected(): void {
    this.#store = null;
    for (const own of this.#own.values()) this.#demand(own, false, null);
  }

  /**
   * Begins to learn a model of this source, and gives it to the node. The speaker has agreed, with
   * `keep` also to have it kept: then one of an earlier meeting is used, if the node has one.
   */
  async learn(
    source: ModelSource,
    plugin: LoadedPlugin,
    module: WebAssembly.Module,
    context: AudioContext,
    keep: boolean,
  ): Promise<void> {
    const own = this.#own.get(source) ?? this.#open(source, plugin, module, context);
    own.keep = keep;
    if (own.model.state !== "none") return;
    this.#consent(own);
    this.#set(own, { state: "learning" });
    const isRestored = keep && (await this.#restore(own));
    if (!isRestored && this.#own.get(source) === own) this.#learn(own);
  }

  /** Whether own models are kept for another meeting from now on. */
  async keep(source: ModelSource, keep: boolean): Promise<void> {
    const own = this.#own.get(source);
    if (!own || own.keep === keep) return;
    own.keep = keep;
    if (keep && own.learned) await this.#give(own, { ...own.learned, delta: null });
  }

  /** Withdraws: the node forgets the model, and everybody who has it. */
  forget(source: ModelSource): void {
    const own = this.#own.get(source);
    this.#host.send({ type: "consent", source, granted: false });
    if (!own) return;
    this.#stop(own);
    this.#own.delete(source);
    this.#host.publication(source)?.keepRaw(false);
    this.#host.changed(nothing(source));
    this.settle();
  }

  /** The publication of this source has another track, was muted, or is there at last. */
  trackChanged(source: ModelSource): void {
    const own = this.#own.get(source);
    if (!own) return;
    own.capture.setTrack(this.#host.publication(source)?.track ?? null);
    this.#demand(own, own.demanded.active, own.demanded.epoch);
  }

  /** Which model forms anybody needs. */
  demand({ sources, packetTime, redundancy }: ModelDemand): void {
    this.#shape = { packetTime, redundancy };
    for (const { source, active, epoch } of sources) {
      const own = this.#owned(source);
      if (own) this.#demand(own, active, epoch ?? null);
    }
    this.settle();
  }

  /** What the node's learner does. */
  learner({ source, state, perMille }: LearnerNotice): void {
    const own = this.#owned(source);
    if (own?.model.learner !== "node") return;
    if (state === "refused") own.refused = true;
    if (own.refused && !this.#leaves(own)) return this.#learn(own);
    const progress = perMille / 1000;
    if (own.model.state === "given") this.#set(own, { progress });
    else this.#set(own, { progress, state: state === "finished" ? "learning" : state });
  }

  /** The node has learned a model: it is fetched, and used from now on. */
  async learned({ source, plugin, version, epoch, hash }: LearnedNotice): Promise<void> {
    const [own, store] = [this.#owned(source), this.#store];
    if (!own || !store || own.plugin.id !== plugin || own.plugin.version !== version) return;
    try {
      const container = await store.get(hash, null);
      // Taken back meanwhile, or a later one came first.
      if (this.#own.get(own.source) !== own || (own.learned?.epoch ?? 0) >= epoch) return;
      own.learned = { epoch, hash, container, delta: null };
      own.capture.use(container);
      await store.put(hash, null, own.keep);
    } catch (error) {
      // The next one may be had, or the connection after this one.
      if (!(error instanceof ModelTransferError)) throw error;
    }
  }

  /** The node has one's own model. */
  accepted(source: ModelSource, epoch: number): void {
    const own = this.#own.get(source);
    if (own) this.#set(own, { state: "given", epoch });
  }

  stop(): void {
    for (const own of this.#own.values()) this.#stop(own);
    this.#own.clear();
  }

  #stop({ capture, unfit }: Own): void {
    if (unfit !== null) clearTimeout(unfit);
    capture.stop();
  }

  #open(
    source: ModelSource,
    plugin: LoadedPlugin,
    module: WebAssembly.Module,
    context: AudioContext,
  ): Own {
    const capture = new SourceCapture(plugin.id, module, this.#carrier.entries(), context, {
      gate: (state) => this.#gated(own, state),
      progress: (progress) => this.#set(own, { progress }),
      model: (model) => {
        own.learned = model;
        own.capture.use(model.container);
        void this.#give(own, model);
      },
      phase: (media) => this.#own.get("camera")?.capture.setPhase(media),
      slowLearner: () => {
        // One that has a model makes the next one for seconds, in which it takes no pictures.
        if (own.learned) return;
        own.tooSlow = true;
        if (this.#leaves(own)) this.#learn(own);
      },
    });
    const own: Own = {
      source,
      plugin,
      capture,
      keep: false,
      tooSlow: false,
      refused: false,
      unfit: null,
      model: nothing(source),
      learned: null,
      demanded: { active: false, epoch: null },
    };
    this.#own.set(source, own);
    this.trackChanged(source);
    return own;
  }

  #learn(own: Own): void {
    const learner = this.#leaves(own) ? "node" : "device";
    if (learner === "node") own.capture.stopLearning();
    else own.capture.learn((own.learned?.epoch ?? 0) + 1);
    if (own.model.learner !== learner) this.#set(own, { learner, progress: 0 });
    this.#tellLearning(own);
  }

  /** Whether the node is to learn it. */
  #leaves({ plugin, tooSlow, refused }: Own): boolean {
    return learnsOnNode(this.#place, { tooSlow: tooSlow || this.#host.isSlow(plugin.id), refused });
  }

  #owned(source: string): Own | undefined {
    return source === "microphone" || source === "camera" ? this.#own.get(source) : undefined;
  }

  /** Uses what the node keeps of an earlier meeting. Whether there is anything. */
  async #restore(own: Own): Promise<boolean> {
    const store = this.#store;
    if (!store) return false;
    try {
      const { kept } = await store.kept();
      const { id, version } = own.plugin;
      const fit = kept.find((model) => model.plugin === id && model.version === version);
      if (!fit) return false;
      const container = await store.get(fit.hash, null);
      if (this.#own.get(own.source) !== own) return true;
      own.learned = { epoch: fit.epoch, hash: fit.hash, container, delta: null };
      own.capture.use(container.slice(0));
      await store.put(fit.hash, null, own.keep);
      return true;
    } catch (error) {
      // It is learned anew.
      if (!(error instanceof ModelTransferError)) throw error;
      return false;
    }
  }

  /** Raw media runs before the node asks for it: on amber already. */
  #gated(own: Own, state: GateState): void {
    if (own.unfit !== null) clearTimeout(own.unfit);
    // The generic one need not fit: another one is being learned.
    const relearns = state !== "green" && own.learned !== null;
    own.unfit = relearns ? setTimeout(() => this.#learn(own), UNFIT_MS) : null;

    this.#host.publication(own.source)?.keepRaw(state !== "green");
    this.#host.send({ type: "gate", source: own.source, state });
    this.#set(own, { gate: state });
  }

  async #give({ keep }: Own, { hash, container, delta }: LearnedModel): Promise<void> {
    const store = this.#store;
    if (!store) return;
    const whole = new Uint8Array(container);
    try {
      try {
        await store.put(hash, delta ? new Uint8Array(delta) : whole, keep);
      } catch (error) {
        // The node has not the model before: the whole, then.
        if (!delta || !(error instanceof ModelTransferError) || error.status === 0) throw error;
        await store.put(hash, whole, keep);
      }
    } catch (error) {
      // It is given again with the next epoch, or on the next connection.
      if (!(error instanceof ModelTransferError)) throw error;
    }
  }

  #demand(own: Own, active: boolean, epoch: number | null): void {
    own.demanded = { active, epoch };
    const muted = this.#host.publication(own.source)?.muted ?? true;
    own.capture.demand(active, epoch, muted);
    if (own.model.sent !== active) this.#set(own, { sent: active });
  }

  /** Has packets wait for as many payloads as there are sources that give some, and none be made for none. */
  settle(): void {
    const sending = [...this.#own.values()].filter(({ model }) => model.sent).length;
    this.#carrier.shape(Math.max(1, sending), this.#shape);
    void this.#carrier.setActive(sending > 0);
  }

  /** Until there is a model of this voice, whoever is on a thin line may be sent it in the generic one. */
  #consent({ source, plugin: { id, version, generic } }: Own): void {
    const offer = generic ? { generic: { plugin: id, version } } : {};
    this.#host.send({ type: "consent", source, granted: true, ...offer });
  }

  #tellLearning(own: Own): void {
    const { source, model } = own;
    if (model.learner === "node") {
      // In words: the node learns nothing otherwise, and knows nothing of an earlier connection.
      this.#consent(own);
      this.#host.send({ type: "learning", source, state: "node" });
    } else if (model.state !== "given") {
      this.#host.send({ type: "learning", source, state: "learning" });
    }
  }

  #set(own: Own, change: Partial<OwnModel>): void {
    own.model = { ...own.model, ...change };
    this.#host.changed(own.model);
    if (change.sent !== undefined) this.settle();
  }
}

function nothing(source: ModelSource): OwnModel {
  return { source, state: "none", learner: "device", progress: 0, epoch: 0, gate: null, sent: false };
}
