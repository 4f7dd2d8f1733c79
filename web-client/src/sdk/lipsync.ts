import { latencyOf, playedNow } from "./playout.js";
import type { Slot } from "./slots.js";
import { StatsReader } from "./stats.js";
import { SyncController } from "./sync.js";

/** How often the skew is measured. */
const MEASURE_MS = 100;
/** How often the jitter buffers are read: costs more. */
const STATS_MS = 500;
/** Whose delays are remembered, so that somebody who comes back fits at once. */
const MAX_REMEMBERED = 64;

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

/**
 * Keeps lips and voices of one connection together. Browsers align an audio and a video m-line
 * only if both belong to one stream for good, which slots cannot promise.
 */
export class LipSync {
  readonly #pc: RTCPeerConnection;
  readonly #view: () => readonly SlotView[];
  /** By person, most recently paired last. */
  readonly #controllers = new Map<string, SyncController>();
  readonly #stats = new StatsReader();
  readonly #timers: ReturnType<typeof setInterval>[];
  /** Time in the jitter buffer by m-line, ms. */
  #delays = new Map<string, number>();

  constructor(pc: RTCPeerConnection, view: () => readonly SlotView[]) {
    this.#pc = pc;
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
    const slots = pairSlots(this.#view()).flatMap(([audio, video]) => [audio.slot, video.slot]);
    if (slots.length === 0 || this.#pc.connectionState === "closed") return;
    const stats = await this.#stats.read(this.#pc, slots);
    this.#delays = new Map(stats.map(({ mid, jitterBufferMs }) => [mid, jitterBufferMs]));
  }

  #align(): void {
    const views = this.#view();
    const paired = new Set<Slot>();
    for (const [audio, video] of pairSlots(views)) {
      const late = latencyOf("video", video.slot.content, playedNow(video.slot, 0));
      const heard = playedNow(audio.slot, this.#stats.outputMs);
      const early = latencyOf("audio", audio.slot.content, heard);
      const targets = this.#controllerOf(`${audio.participant} ${audio.screen}`).update({
        now: performance.now(),
        skew: late === null || early === null ? null : late - early,
        audioDelay: this.#delays.get(audio.slot.mid ?? "") ?? 0,
        videoDelay: this.#delays.get(video.slot.mid ?? "") ?? 0,
      });
      setTarget(audio.slot.receiver, targets.audio);
      setTarget(video.slot.receiver, targets.video);
      paired.add(audio.slot).add(video.slot);
    }
    // A slot that is in no pair has nothing to wait for.
    for (const { slot } of views) if (!paired.has(slot)) setTarget(slot.receiver, null);
  }

  #controllerOf(person: string): SyncController {
    const controller = this.#controllers.get(person) ?? new SyncController();
    this.#controllers.delete(person);
    this.#controllers.set(person, controller);
    const oldest = this.#controllers.keys().next();
    if (this.#controllers.size > MAX_REMEMBERED && !oldest.done) {
      this.#controllers.delete(oldest.value);
    }
    return controller;
  }
}

function setTarget(receiver: RTCRtpReceiver, target: number | null): void {
  const rounded = target === null ? null : Math.round(target);
  if ("jitterBufferTarget" in receiver && receiver.jitterBufferTarget !== rounded) {
    receiver.jitterBufferTarget = rounded;
  }
}
