import { SvelteMap, SvelteSet } from "svelte/reactivity";
import { SottoError } from "../../sdk/sotto.js";
import type {
  Bandwidth,
  Participant,
  Publication,
  Quality,
  QualityLimit,
  Room,
  RoomState,
  SentLayer,
  SentStats,
  Slot,
  SlotContent,
  SlotStats,
  Source,
} from "../../sdk/sotto.js";
import { t } from "../i18n/i18n.svelte.js";
import type { LocalDevice } from "../media/local.svelte.js";
import { EMPTY_CHAT, addLine, markRead } from "./chat.js";
import type { ChatLog } from "./chat.js";
import { heldBack } from "./quality.js";
import { MeetingModels } from "./models.svelte.js";
import type { Agreement } from "./models.svelte.js";
import type { Mode } from "./tiles.js";
import { SILENCE, hear } from "./voices.js";
import type { Voices } from "./voices.js";

/** How long a message in the corner stays. */
const TOAST_MS = 6000;
/** More than this at once would hide the meeting: the oldest goes. */
const MAX_TOASTS = 3;

/** A message in the corner. */
export interface Toast {
  key: number;
  text: string;
}

/** The meeting as the page shows it: the library's room as reactive state. */
export class Meeting {
  readonly room: Room;
  readonly camera: LocalDevice;
  readonly microphone: LocalDevice;
  readonly models: MeetingModels;

  state = $state<RoomState>("connected");
  participants = $state.raw<readonly Participant[]>([]);
  slots = $state.raw<readonly Slot[]>([]);
  voices = $state.raw<Voices>(SILENCE);
  chat = $state.raw<ChatLog>(EMPTY_CHAT);
  toasts = $state.raw<readonly Toast[]>([]);
  panel = $state<"chat" | "people" | "models" | null>(null);
  mode = $state<Mode>("auto");
  pin = $state<string | null>(null);
  page = $state(0);
  microphoneOn = $state(false);
  cameraOn = $state(false);
  screenOn = $state(false);
  stats = $state.raw<ReadonlyMap<string, SlotStats>>(new Map());
  /** What this person's camera sends now, layer by layer. */
  sent = $state.raw<readonly SentStats[]>([]);
  layers = $state.raw<readonly SentLayer[]>([]);
  /** By slot: in which quality the node serves it. */
  qualities = $state.raw<ReadonlyMap<string, Quality>>(new Map());
  /** Pictures that are held back, and why. */
  held = $state.raw<ReadonlyMap<string, QualityLimit>>(new Map());
  bandwidth = $state.raw<Bandwidth | null>(null);
  /** By slot: what is on the screen, as `renderSlot` says. */
  readonly shown = new SvelteMap<string, SlotContent>();
  /** Participants (or `own`) whose tile shows details. */
  readonly details = new SvelteSet<string>();

  #toasts = 0;
  #busy = new Map<Source, Promise<void>>();

  constructor(room: Room, camera: LocalDevice, microphone: LocalDevice, agreement: Agreement) {
    this.room = room;
    this.camera = camera;
    this.microphone = microphone;
    this.models = new MeetingModels(room, agreement, (error) => this.complain(error));
    this.#readRoster();
    this.slots = room.slots;
    // Said before we listened.
    this.voices = hear(SILENCE, room.speakers, room.local.id);
    for (const name of [
      "participantJoined",
      "participantReturned",
      "participantLeft",
      "trackPublished",
      "trackUnpublished",
      "trackMuted",
    ] as const) {
      room.on(name, () => this.#readRoster());
    }
    room.on("speakers", ({ speakers }) => {
      this.voices = hear(this.voices, speakers, room.local.id);
    });
    room.on("slots", () => this.#readQualities());
    room.on("quality", () => this.#readQualities());
    room.on("bandwidth", (bandwidth) => (this.bandwidth = bandwidth));
    room.on("layers", ({ publication }) => {
      if (publication.source === "camera") this.layers = publication.layers;
    });
    room.on("chat", ({ participant, text }) => this.#hearChat(participant, text));
    room.on("state", ({ state }) => {
      this.state = state;
      this.slots = room.slots;
      this.bandwidth = room.bandwidth;
      this.#readQualities();
    });
    room.on("error", (error) => {
      // Nobody has to do anything: the panel of models says it.
      if (error.code !== "noModels") this.complain(error);
    });
  }

  /** Publishes what runs already. */
  async start(): Promise<void> {
    const { permissions } = this.room.local;
    if (!permissions.publish) return;
    if (this.microphone.track) {
      await this.#inTurn("microphone", () => this.#turnMicrophone(true));
    }
    if (this.camera.track) await this.#inTurn("camera", () => this.#turnCamera(true));
  }

  /** Whether the token allows to publish this. */
  mayPublish(source: Source): boolean {
    const { publish, sources } = this.room.local.permissions;
    return publish && (!sources || sources.includes(source));
  }

  /** Turns it off if it is on once its turn comes, and on if it is off. */
  toggleMicrophone(): Promise<void> {
    return this.#inTurn("microphone", () => this.#turnMicrophone(!this.microphoneOn));
  }

  /** Turns it off if it is on once its turn comes, and on if it is off. */
  toggleCamera(): Promise<void> {
    return this.#inTurn("camera", () => this.#turnCamera(!this.cameraOn));
  }

  /** Ends sharing if the screen is shared once its turn comes, and asks what to share if not. */
  toggleScreen(): Promise<void> {
    return this.#inTurn("screen", () => (this.screenOn ? this.#stopScreen() : this.#startScreen()));
  }

  togglePin(participant: string): void {
    this.pin = this.pin === participant ? null : participant;
  }

  toggleDetails(tile: string): void {
    if (!this.details.delete(tile)) this.details.add(tile);
  }

  togglePanel(panel: "chat" | "people" | "models"): void {
    this.panel = this.panel === panel ? null : panel;
    if (this.panel === "chat") this.chat = markRead(this.chat);
  }

  /** Returns whether it was sent. */
  say(text: string): boolean {
    const line = text.trim();
    if (line === "") return false;
    try {
      this.room.sendChat(line);
    } catch (error) {
      this.toast(
        error instanceof SottoError && error.code === "tooMuch" ? t("chat.tooLong") : t("error.usage"),
      );
      return false;
    }
    this.chat = addLine(this.chat, { from: null, text: line, at: Date.now() }, true);
    return true;
  }

  toast(text: string): void {
    const key = ++this.#toasts;
    this.toasts = [...this.toasts, { key, text }].slice(-MAX_TOASTS);
    setTimeout(() => this.dismiss(key), TOAST_MS);
  }

  dismiss(key: number): void {
    this.toasts = this.toasts.filter((toast) => toast.key !== key);
  }

  /** Shows an error in words that say what to do. */
  complain(error: unknown): void {
    if (error instanceof SottoError) this.toast(t(`error.${error.code}`));
    else if (error instanceof DOMException) this.toast(t("error.share"));
    else throw error;
  }

  async readStats(): Promise<void> {
    const all = await this.room.stats();
    this.stats = new Map(all.map((stats) => [stats.mid, stats]));
    const sent = await this.room.sentStats();
    this.sent = sent.filter(({ source }) => source === "camera");
  }

  leave(): void {
    if (this.screenOn) this.#endScreenTracks();
    this.room.leave();
    this.camera.stop();
    this.microphone.stop();
  }

  async #turnMicrophone(on: boolean): Promise<void> {
    this.microphone.want(on);
    const publication = this.#publication("microphone");
    if (!on) await publication?.setMuted(true);
    else await this.#send(this.microphone, "microphone", publication);
    this.microphoneOn = on && this.microphone.track !== null;
  }

  async #turnCamera(on: boolean): Promise<void> {
    this.camera.want(on);
    const publication = this.#publication("camera");
    if (!on) {
      await publication?.setMuted(true);
      this.camera.stop();
    } else {
      await this.#send(this.camera, "camera", publication);
    }
    this.cameraOn = on && this.camera.track !== null;
  }

  async #send(
    device: LocalDevice,
    source: "camera" | "microphone",
    publication: Publication | undefined,
  ): Promise<void> {
    const track = device.track ?? (await device.start());
    if (!track) {
      const name = t(source === "camera" ? "join.camera" : "join.microphone");
      this.toast(t(`device.${device.problem ?? "failed"}`, { device: name }));
    } else if (publication) {
      await publication.replaceTrack(track);
      await publication.setMuted(false);
    } else {
      await this.room.publish(track, { source });
      // Beside the meeting, which does not wait for it.
      void this.models.settle(source);
    }
  }

  async #startScreen(): Promise<void> {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { max: 30 } },
      audio: true,
    });
    for (const track of stream.getTracks()) {
      if (track.kind === "video") {
        track.contentHint = "detail";
        // The browser's own button for it.
        track.onended = () => void this.#inTurn("screen", () => this.#stopScreen());
      }
      const source = track.kind === "video" ? "screen" : "screenAudio";
      if (this.mayPublish(source)) await this.room.publish(track, { source });
      else track.stop();
    }
    this.screenOn = true;
  }

  async #stopScreen(): Promise<void> {
    this.#endScreenTracks();
    await this.#publication("screen")?.unpublish();
    await this.#publication("screenAudio")?.unpublish();
    this.screenOn = false;
  }

  #endScreenTracks(): void {
    for (const source of ["screen", "screenAudio"] as const) {
      const track = this.#publication(source)?.track;
      if (!track) continue;
      track.onended = null;
      track.stop();
    }
  }

  #publication(source: Source): Publication | undefined {
    return this.room.local.publications.get(source);
  }

  /** One change of a source at a time, in the order in which they were asked for. */
  #inTurn(source: Source, change: () => Promise<void>): Promise<void> {
    const turn = (this.#busy.get(source) ?? Promise.resolve()).then(() => this.#guard(change));
    this.#busy.set(source, turn);
    return turn;
  }

  async #guard(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      this.complain(error);
    }
  }

  #hearChat(participant: Participant | null, text: string): void {
    const line = { from: participant?.name ?? t("chat.gone"), text, at: Date.now() };
    this.chat = addLine(this.chat, line, this.panel === "chat");
  }

  #readQualities(): void {
    this.qualities = new Map(
      this.room.slots.flatMap(({ mid, quality }) => (mid && quality ? [[mid, quality]] : [])),
    );
    this.held = heldBack(this.room.slots, this.participants);
  }

  #readRoster(): void {
    this.participants = [...this.room.participants.values()];
    this.#readQualities();
    if (this.pin !== null && !this.room.participants.has(this.pin)) this.pin = null;
  }
}
