import { Connection } from "./connection.js";
import { CHAT_LABEL, checkDataMessage } from "./data.js";
import type { DataMessage } from "./data.js";
import { Emitter } from "./emitter.js";
import { SottoError } from "./errors.js";
import { describeLayers } from "./layers.js";
import { kindOf } from "./negotiation.js";
import type { NegotiationConfig, SlotCounts } from "./negotiation.js";
import { Publication } from "./publication.js";
import type { PublicationOwner, PublishOptions } from "./publication.js";
import { People } from "./people.js";
import type { Participant, RosterEvent } from "./roster.js";
import { SentReader } from "./sent.js";
import type { SentStats } from "./sent.js";
import type {
  LeaveReason,
  Permissions,
  Server,
  ServerMessage,
  SlotLimits,
  SlotViewport,
  Source,
  Speaker,
  TrackInfo,
  View,
} from "./signal.js";
import { Slot, applyAssignments, applyQualities } from "./slots.js";
import { StatsReader } from "./stats.js";
import type { SlotStats } from "./stats.js";
import { LipSync } from "./lipsync.js";
import type { SlotView } from "./lipsync.js";
import { ViewportReport } from "./viewport.js";
import type { VoiceFormat } from "./voice.js";
import { isModelSource } from "./models/messages.js";
import type { ModelSource } from "./models/messages.js";
import { Models } from "./models/models.js";
import { outgoingBitrate } from "./models/uplink.js";
import type { ModelOptions } from "./models/models.js";
import type { FormState } from "./models/forms.js";
import type { OwnModel } from "./models/outbound.js";
import { playElements, playGraph } from "./sound.js";
import type { SoundOptions, SoundPlayback } from "./sound.js";

/** Where a room stands. `closed` is final. */
export type RoomState = "connecting" | "connected" | "reconnecting" | "closed";

/** What the node makes of the line to this client, bit/s on the wire. */
export interface Bandwidth {
  /** What the line carries, as estimated. */
  readonly estimate: number;
  /** What is sent of it. */
  readonly allocated: number;
  /** What everything in its best quality would take. */
  readonly wanted: number;
}

/** Everything that a room tells. */
export interface RoomEvents {
  participantJoined: { participant: Participant };
  /** Somebody whose connection was lost is back: what it published before has ended. */
  participantReturned: { participant: Participant; former: Participant };
  participantLeft: { participant: Participant; reason: LeaveReason };
  trackPublished: { participant: Participant; track: TrackInfo };
  trackUnpublished: { participant: Participant; track: TrackInfo };
  trackMuted: { participant: Participant; track: TrackInfo };
  /** These slots were pointed elsewhere. */
  slots: { slots: readonly Slot[] };
  /** These slots are served in another quality. */
  quality: { slots: readonly Slot[] };
  bandwidth: Bandwidth;
  /** What this client sends changed: other layers, or others of them are wanted. */
  layers: { publication: Publication };
  /** Who speaks, loudest first. */
  speakers: { speakers: readonly Speaker[] };
  chat: { participant: Participant | null; text: string };
  data: { participant: Participant | null; label: string; data: string | ArrayBuffer };
  /** Somebody's voice or picture is played in another form, or is to be, or for another reason. */
  form: FormState;
  /** Where a model of one's own stands. */
  ownModel: OwnModel;
  state: { state: RoomState; error: SottoError | null };
  /** Something was refused; the room goes on unless `fatal`. */
  error: SottoError;
}

/** This client, as the node knows it. */
export interface LocalParticipant {
  readonly id: string;
  readonly shortId: number;
  readonly identity: string;
  readonly name: string;
  readonly permissions: Permissions;
  readonly publications: ReadonlyMap<Source, Publication>;
}

/** What a room needs to know to enter, and to enter again. */
export interface RoomConfig extends NegotiationConfig {
  url: string;
  token: () => Promise<string>;
  name: string | null;
  /** `null`: everything is raw. */
  modelOptions: ModelOptions | null;
}

/** Pauses between attempts to come back, ms; the last one repeats. */
const BACKOFF_MS = [200, 500, 1000, 2000, 4000, 8000];

/** A room that this client is in. Made by `connect`. */
export class Room implements PublicationOwner {
  readonly #config: RoomConfig;
  readonly #events = new Emitter<RoomEvents>();
  readonly #publications = new Map<Source, Publication>();
  readonly #labels = new Set<string>([CHAT_LABEL]);
  readonly #stats = new StatsReader();
  readonly #sent = new SentReader();
  readonly #models: Models | null;
  readonly #viewport = new ViewportReport({
    collect: () => this.#viewports(),
    send: (slots) => this.#connection?.send({ type: "viewport", slots }),
    now: () => performance.now(),
  });
  readonly #people = new People((event) => this.#tell(event));
  #slots: Slot[] = [];
  #speakers: readonly Speaker[] = [];
  #welcome: Server<"welcome"> | null = null;
  #connection: Connection | null = null;
  #lipSync: LipSync | null = null;
  #bandwidth: Bandwidth | null = null;
  #view: View = {};
  #state: RoomState = "connecting";

  private constructor(config: RoomConfig) {
    this.#config = config;
    this.#models = config.modelOptions && this.#makeModels(config.modelOptions);
  }

  /** For `connect`. */
  static async join(config: RoomConfig): Promise<Room> {
    const room = new Room(config);
    try {
      await room.#enter();
    } catch (error) {
      room.#close(error instanceof SottoError ? error : null);
      throw error;
    }
    room.#setState("connected");
    return room;
  }

  /** Name of the room. */
  get name(): string {
    return this.#welcomed.room;
  }

  get state(): RoomState {
    return this.#state;
  }

  get local(): LocalParticipant {
    const { participant, permissions } = this.#welcomed;
    const { id, shortId, identity, name } = participant;
    return { id, shortId, identity, name, permissions, publications: this.#publications };
  }

  /** Everybody else who is visible, by id. A new map whenever it changes. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#people.roster;
  }

  /** The receive m-lines, audio first. The same objects for as long as the room lives. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** The model forms of this room; `null`: `connect` was not asked for them. */
  get models(): Models | null {
    return this.#models;
  }

  get speakers(): readonly Speaker[] {
    return this.#speakers;
  }

  /** What the line to this client carries; `null`: the node has not said. */
  get bandwidth(): Bandwidth | null {
    return this.#bandwidth;
  }

  /** How many slots the node fills for one connection. */
  get limits(): SlotLimits {
    return this.#welcomed.limits;
  }

  /** Offers sent on the present connection: 1 unless m-lines were added. */
  get offers(): number {
    return this.#connection?.media.offers ?? 0;
  }

  /** Calls `listener` on each `name` event until the returned function is called. */
  on<Name extends keyof RoomEvents>(
    name: Name,
    listener: (event: RoomEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Publishes a track. One per source: a second one replaces the first one's track. */
  async publish(track: MediaStreamTrack, options: PublishOptions): Promise<Publication> {
    if (track.kind !== kindOf(options.source)) {
      throw new SottoError("usage", `a ${track.kind} track cannot be a ${options.source}`);
    }
    const connection = this.#connected;
    const existing = this.#publications.get(options.source);
    if (existing) await existing.unpublish();
    const publication = new Publication(this, track, options, {
      encrypted: this.#config.transform !== null,
      codec: this.#config.codec,
    });
    this.#publications.set(options.source, publication);
    if (connection.media.sendLine(options.source).isNew) await this.#negotiate(connection);
    await publication.attach();
    this.trackChanged(publication.source);
    const { codec, wantedCodec, source } = publication;
    if (codec !== null && codec !== wantedCodec && connection.media.preferCodec(source, wantedCodec)) {
      await this.#negotiate(connection);
      this.announceLayers(publication, true);
    }
    return publication;
  }

  /**
   * Plays everything that is heard in this room: every audio slot, and the voices that are made from
   * models. To be called where a person did something, or `onBlocked` may say that the browser waits
   * for that. A page that has no models may as well play the slots' tracks by itself.
   */
  playSound(options: SoundOptions = {}): SoundPlayback {
    if (!this.#models?.enabled) return playElements(this, options);
    return playGraph(this.#models, options);
  }

  /** What the page shows; what is not given stays as it was. */
  setView(view: View): void {
    this.#view = { ...this.#view, ...view };
    this.#connection?.send({ type: "view", ...this.#view });
  }

  /** More slots: another offer. What exceeds the node's limits stays empty. Fewer is not possible. */
  async addSlots(counts: Partial<SlotCounts>): Promise<void> {
    const connection = this.#connected;
    const { slots } = this.#config;
    slots.audio = Math.max(slots.audio, counts.audio ?? 0);
    slots.video = Math.max(slots.video, counts.video ?? 0);
    if (!connection.media.addSlots(slots)) return;
    this.#bindSlots(connection);
    await this.#negotiate(connection);
  }

  /** Sends a chat message of at most 4 KB to everybody else. */
  sendChat(text: string): void {
    this.sendData(CHAT_LABEL, text);
  }

  /** Sends a message of at most 16 KB to everybody else who opened the channel with this label. */
  sendData(label: string, data: string | ArrayBuffer): void {
    this.openData(label);
    this.#connected.data.send(label, data);
  }

  /** Opens the channel with this label, also on later connections: its messages come as `data`
   * events. `chat` is open from the start; sending opens it too. */
  openData(label: string): void {
    checkDataMessage(label, "");
    this.#connected.data.open(label);
    this.#labels.add(label);
  }

  /** What each slot receives now. */
  async stats(): Promise<SlotStats[]> {
    const pc = this.#connection?.media.pc;
    return pc ? this.#stats.read(pc, this.#slots) : [];
  }

  /** What this client sends now: one entry a layer. */
  async sentStats(): Promise<SentStats[]> {
    const pc = this.#connection?.media.pc;
    return pc ? this.#sent.read(pc, [...this.#publications.values()]) : [];
  }

  /** The peer connection now in use, for diagnosis; another one after a reconnection. */
  get peerConnection(): RTCPeerConnection | null {
    return this.#connection?.media.pc ?? null;
  }

  /** Leaves. The published tracks go on: they belong to the caller. */
  leave(): void {
    this.#connection?.send({ type: "leave" });
    this.#close(null);
  }

  // --- what publications ask ---

  line(source: Source): RTCRtpTransceiver | null {
    return this.#connection?.media.sendLine(source).transceiver ?? null;
  }

  takesLayers({ mid }: Publication): boolean {
    return mid !== null && (this.#connection?.media.takesLayers(mid) ?? false);
  }

  announce(publication: Publication): void {
    const { mid, source, muted, encrypted } = publication;
    if (mid === null) return;
    const layers = describeLayers(publication.layers);
    this.#connection?.send({ type: "publish", mid, source, muted, encrypted, layers });
    this.#events.emit("layers", { publication });
  }

  announceLayers(publication: Publication, told: boolean): void {
    const { mid } = publication;
    if (told && mid !== null) {
      this.#connection?.send({ type: "layers", mid, layers: describeLayers(publication.layers) });
    }
    this.#events.emit("layers", { publication });
  }

  async shapeVoice({ mid }: Publication, format: VoiceFormat): Promise<void> {
    if (mid !== null) await this.#connection?.media.setVoice(mid, format);
  }

  announceMute({ mid, muted, source }: Publication): void {
    if (mid !== null) this.#connection?.send({ type: "mute", mid, muted });
    this.trackChanged(source);
  }

  trackChanged(source: Source): void {
    if (isModelSource(source)) this.#models?.trackChanged(source);
  }

  withdraw(publication: Publication): void {
    if (publication.mid !== null) this.#connection?.send({ type: "unpublish", mid: publication.mid });
    if (this.#publications.get(publication.source) === publication) {
      this.#publications.delete(publication.source);
      this.trackChanged(publication.source);
    }
  }

  // --- entering, and entering again ---

  get #welcomed(): Server<"welcome"> {
    if (!this.#welcome) throw new SottoError("usage", "the room was never entered");
    return this.#welcome;
  }

  get #connected(): Connection {
    if (!this.#connection) {
      const code = this.#state === "closed" ? "usage" : "unreachable";
      throw new SottoError(code, `the room is ${this.#state}`);
    }
    return this.#connection;
  }

  async #enter(): Promise<void> {
    const { url, name } = this.#config;
    const token = await this.#config.token();
    const connection = new Connection(this.#config, {
      message: (message) => this.#receive(message),
      data: (message) => this.#receiveData(message),
      error: (error) => this.#events.emit("error", error),
      signalling: (live) => this.#signalling(live),
      renegotiated: () => void this.#refresh(),
      lost: (error) => void this.#lost(error),
    });
    this.#connection = connection;
    this.#bindSlots(connection);
    // The m-line of data channels must be in the first offer.
    for (const label of this.#labels) connection.data.open(label);
    for (const source of this.#publications.keys()) connection.media.sendLine(source);
    this.#models?.attach({
      send: connection.media.models?.send ?? null,
      receive: connection.media.models?.receive ?? null,
      openChannel: (label) => connection.data.openLossy(label),
    });
    await connection.open({ url, token, name, former: this.#welcome?.resumption ?? null });
    if (this.#state === "closed") return connection.close();
    this.#lipSync = new LipSync(connection.media.pc, () => this.#slotViews(), this.#models);
    this.#models?.connected(url, this.#welcomed.models ?? null);
    if (Object.keys(this.#view).length > 0) connection.send({ type: "view", ...this.#view });
    this.#viewport.restart();
    await Promise.all([...this.#publications.values()].map((own) => own.attach()));
  }

  async #negotiate(connection: Connection): Promise<void> {
    await connection.negotiate();
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    await Promise.all([...this.#publications.values()].map((own) => own.refresh()));
  }

  /** The websocket broke, and media flows on; or there is another one. */
  #signalling(live: boolean): void {
    if (live && this.#state === "reconnecting") this.#setState("connected");
    if (!live && this.#state === "connected") this.#setState("reconnecting");
  }

  async #lost(error: SottoError): Promise<void> {
    this.#drop();
    if (error.fatal && error.next !== "retry") return this.#close(error);
    this.#setState("reconnecting", error);
    for (let attempt = 0; this.#state === "reconnecting"; attempt++) {
      const pause = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)] ?? 0;
      // Half of it at random, so that a restarted node is not met by everyone at once.
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
      if (this.#state !== "reconnecting") return;
      try {
        await this.#enter();
        if (this.#state === "reconnecting") this.#setState("connected");
        return;
      } catch (cause) {
        this.#drop();
        if (cause instanceof SottoError && cause.next !== "retry") return this.#close(cause);
      }
    }
  }

  #drop(): void {
    this.#lipSync?.stop();
    this.#lipSync = null;
    this.#connection?.close();
    this.#connection = null;
    this.#bandwidth = null;
    this.#viewport.stop();
    this.#models?.disconnected();
  }

  #close(error: SottoError | null): void {
    if (this.#state === "closed") return;
    this.#drop();
    this.#people.stop();
    for (const slot of this.#slots) slot.assign(null);
    for (const publication of this.#publications.values()) publication.stop();
    this.#models?.stop();
    if (error) this.#events.emit("error", error);
    this.#setState("closed", error);
  }

  #setState(state: RoomState, error: SottoError | null = null): void {
    this.#state = state;
    this.#events.emit("state", { state, error });
  }

  #bindSlots(connection: Connection): void {
    const bound: Slot[] = [];
    for (const kind of ["audio", "video"] as const) {
      const own = this.#slots.filter((slot) => slot.kind === kind);
      connection.media.slotLines(kind).forEach((line, at) => {
        const slot = own[at];
        if (!slot) bound.push(this.#newSlot(kind, line));
        else {
          if (slot.receiver !== line.receiver) slot.attach(line);
          bound.push(slot);
        }
      });
    }
    this.#slots = bound;
  }

  #newSlot(kind: "audio" | "video", line: RTCRtpTransceiver): Slot {
    const slot = new Slot(kind, line);
    // While there is no connection, sizes are collected when there is one again.
    slot.on("viewport", () => this.#connection && this.#viewport.changed());
    if (kind === "video") slot.faces = this.#models?.faces ?? null;
    return slot;
  }

  #viewports(): SlotViewport[] {
    return this.#slots.flatMap(({ mid, viewport }) => (mid && viewport ? { mid, ...viewport } : []));
  }

  #slotViews(): SlotView[] {
    return this.#slots.map((slot) => {
      const content = slot.content;
      const participant = content?.participant ?? null;
      const track = this.#people.roster
        .get(participant ?? "")
        ?.tracks.find((track) => track.id === content?.track);
      const screen = track?.source === "screen" || track?.source === "screenAudio";
      return { kind: slot.kind, participant, screen, slot };
    });
  }

  // --- what the node says ---

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        this.#welcome = message;
        return this.#people.enter(message.participants, message.resumption ?? null);
      case "slots": {
        const slots = applyAssignments(this.#slots, message.slots);
        if (slots.length > 0) this.#events.emit("slots", { slots });
        return;
      }
      case "quality": {
        const slots = applyQualities(this.#slots, message.slots);
        if (slots.length > 0) this.#events.emit("quality", { slots });
        return;
      }
      case "bandwidth": {
        const { estimate, allocated, wanted } = message;
        this.#bandwidth = { estimate, allocated, wanted };
        return this.#events.emit("bandwidth", this.#bandwidth);
      }
      case "demand":
        return this.#obey(message);
      case "forms":
      case "fetchModel":
      case "forgetModel":
      case "modelCopy":
      case "modelDemand":
      case "modelAccepted":
      case "learner":
      case "modelLearned":
        return this.#models?.receive(message);
      case "speakers":
        this.#speakers = message.speakers;
        return this.#events.emit("speakers", { speakers: message.speakers });
      default:
        return this.#people.hear(message);
    }
  }

  #obey({ mid, layers, audio }: Server<"demand">): void {
    for (const publication of this.#publications.values()) {
      if (publication.mid === mid) void publication.demand(layers ?? [], audio ?? null);
    }
  }

  #tell(event: RosterEvent): void {
    const { type, ...rest } = event;
    const gone =
      event.type === "participantLeft"
        ? event.participant
        : event.type === "participantReturned"
          ? event.former
          : null;
    if (gone) this.#models?.remove(gone.id, gone.shortId);
    this.#events.emit(type, rest as never);
  }

  #receiveData({ label, from, data }: DataMessage): void {
    const participant = this.#byShortId(from);
    if (label === CHAT_LABEL && typeof data === "string") {
      this.#events.emit("chat", { participant, text: data });
    } else {
      this.#events.emit("data", { participant, label, data });
    }
  }

  #makeModels(options: ModelOptions): Models {
    return new Models(options, {
      send: (message) => this.#connection?.send(message),
      audioSlots: () => this.#slotViews().filter(({ kind }) => kind === "audio"),
      shortIdOf: (participant) => this.#people.roster.get(participant)?.shortId ?? null,
      publication: (source: ModelSource) => this.#publications.get(source) ?? null,
      formChanged: (state) => this.#events.emit("form", state),
      ownChanged: (model) => this.#events.emit("ownModel", model),
      uplink: async () => {
        const stats = await this.#connection?.media.pc.getStats();
        return stats ? outgoingBitrate(stats as ReadonlyMap<string, RTCStats>) : null;
      },
      failed: (error) => this.#events.emit("error", error),
    });
  }

  #byShortId(shortId: number): Participant | null {
    for (const participant of this.#people.roster.values()) {
      if (participant.shortId === shortId) return participant;
    }
    return null;
  }
}
