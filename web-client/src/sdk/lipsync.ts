import { holdBack } from "./holds.js";
import { latencyOf, playedNow } from "./playout.js";
import type { Slot } from "./slots.js";
import { StatsReader } from "./stats.js";
import { SyncController } from "./sync.js";

/** How often the skew is measured. */
const MEASURE_MS = 100;
/** How often the jitter buffers are read: costs more. */
const STATS_MS = 500;
/** Of whom, and of which forms, delays are remembered, so that what comes back fits at once. */
const MAX_REMEMBERED = 128;

/** A slot, and what pairing needs to know of it. */
export interface SlotView {
  kind: "audio" | "video";
  participant: string | null;
  /** A shared screen or its sound. */
  screen: boolean;
  slot: Slot;
}

/** Audio and video slots that carry the same person's voice and face, or screen and its sound. */
export function pairSlots(slots: readonly SlotView[]): [SlotView, SlotView][] {
  const pairs: [SlotView, SlotView][] = [];
  for (const audio of slots) {
    if (audio.kind !== "audio" || !audio.participant) continue;
    const video = slots.find(
      (slot) =>
        slot.kind === "video" &&
        slot.participant === audio.participant &&
        slot.screen === audio.screen,
    );
    if (video) pairs.push([audio, video]);
  }
  return pairs;
}

/** Faces whose voice is made from a model, and has no slot: the two are paired all the same. */
export function facesAlone(
  slots: readonly SlotView[],
  hasModelVoice: (participant: string) => boolean,
): SlotView[] {
  const paired = new Set(pairSlots(slots).map(([, video]) => video));
  return slots.filter(
    (slot) =>
      slot.kind === "video" &&
      slot.participant !== null &&
      !slot.screen &&
      !paired.has(slot) &&
      hasModelVoice(slot.participant),
  );
}

/** Media that is made from models, in place of what comes in slots. */
export interface ModelHalves {
  playedForm(participant: string, source: "microphone" | "camera"): "raw" | "model";
  half(
    participant: string,
    source: "microphone" | "camera",
  ): { latency: number; wait: number } | null;
  hold(participant: string, source: "microphone" | "camera", ms: number | null): void;
}

/** One half of a person's media, ms. */
interface Half {
  /** Whether it is made from a model. */
  model: boolean;
  latency: number | null;
  wait: number;
  hold(ms: number | null): void;
}

/**
 * Keeps lips and voices of one connection together. Browsers align an audio and a video m-line
 * only if both belong to one stream for good, which slots cannot promise.
 */
export class LipSync {
  readonly #pc: RTCPeerConnection;
  readonly #view: () => readonly SlotView[];
  readonly #models: ModelHalves | null;
  /** By person and the forms of both halves, most recently paired last. */
  readonly #controllers = new Map<string, SyncController>();
  readonly #stats = new StatsReader();
  readonly #timers: ReturnType<typeof setInterval>[];
  /** Time in the jitter buffer by m-line, ms. */
  #delays = new Map<string, number>();

  constructor(pc: RTCPeerConnection, view: () => readonly SlotView[], models: ModelHalves | null) {
    this.#pc = pc;
    this.#models = models;
    this.#view = view;
    this.#timers = [
      setInterval(() => this.#align(), MEASURE_MS),
      setInterval(() => void this.#readStats(), STATS_MS),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #readStats(): Promise<void> {
    const slots = this.#paired().flatMap(({ audio, video }) => (audio ? [audio.slot, video.slot] : [video.slot]));
    if (slots.length === 0 || this.#pc.connectionState === "closed") return;
    const stats = await this.#stats.read(this.#pc, slots);
    this.#delays = new Map(stats.map(({ mid, jitterBufferMs }) => [mid, jitterBufferMs]));
  }

  /** Everybody who is heard and seen; a voice that is made from a model may have no slot. */
  #paired(): { audio: SlotView | null; video: SlotView }[] {
    const views = this.#view();
    const alone = facesAlone(views, (participant) => this.#isModel(participant, "microphone"));
    return [
      ...pairSlots(views).map(([audio, video]) => ({ audio, video })),
      ...alone.map((video) => ({ audio: null, video })),
    ];
  }

  #align(): void {
    const paired = new Set<Slot>();
    for (const { audio, video } of this.#paired()) {
      paired.add(video.slot);
      if (audio) paired.add(audio.slot);
      const person = video.participant ?? "";
      const heard = this.#half("microphone", person, video.screen, audio);
      const seen = this.#half("camera", person, video.screen, video);
      // Both are made from models: they have one clock, and wait for nobody.
      if (heard.model && seen.model) {
        heard.hold(null);
        seen.hold(null);
        continue;
      }
      const known = heard.latency !== null && seen.latency !== null;
      const halves = `${person} ${video.screen} ${heard.model} ${seen.model}`;
      const targets = this.#controllerOf(halves).update({
        now: performance.now(),
        skew: known ? (seen.latency ?? 0) - (heard.latency ?? 0) : null,
        audioDelay: heard.wait,
        videoDelay: seen.wait,
      });
      heard.hold(targets.audio);
      seen.hold(targets.video);
    }
    // A slot that is in no pair has nothing to wait for.
    for (const { slot } of this.#view()) {
      if (!paired.has(slot)) holdBack(slot.receiver, "lips", null);
    }
  }

  #isModel(person: string, source: "microphone" | "camera"): boolean {
    return this.#models?.playedForm(person, source) === "model";
  }

  #half(
    source: "microphone" | "camera",
    person: string,
    screen: boolean,
    view: SlotView | null,
  ): Half {
    const models = screen ? null : this.#models;
    const receiver = view?.slot.receiver;
    if (models && this.#isModel(person, source)) {
      if (receiver) holdBack(receiver, "lips", null);
      const { latency = null, wait = 0 } = models.half(person, source) ?? {};
      return { model: true, latency, wait, hold: (ms) => models.hold(person, source, ms) };
    }
    models?.hold(person, source, null);
    const output = source === "microphone" ? this.#stats.outputMs : 0;
    const played = view && playedNow(view.slot, output);
    return {
      model: false,
      latency: view && latencyOf(view.kind, view.slot.content, played),
      wait: this.#delays.get(view?.slot.mid ?? "") ?? 0,
      hold: (ms) => receiver && holdBack(receiver, "lips", ms),
    };
  }

  #controllerOf(halves: string): SyncController {
    const controller = this.#controllers.get(halves) ?? new SyncController();
    this.#controllers.delete(halves);
    this.#controllers.set(halves, controller);
    const oldest = this.#controllers.keys().next();
    if (this.#controllers.size > MAX_REMEMBERED && !oldest.done) {
      this.#controllers.delete(oldest.value);
    }
    return controller;
  }
}
