import { StatsReader } from "./stats.js";
import type { SlotStats } from "./stats.js";
import type { Slot } from "./slots.js";

/** How often the skew is looked at. Chrome renews its playout estimates about once a second. */
const INTERVAL_MS = 500;
/** Skew that is left alone, ms: people notice nothing below 45, measurement noise is about 10. */
const DEAD_BAND_MS = 12;
/** Part of the skew that one step takes away. */
const GAIN = 0.4;
/** Largest step, ms: one that the audio can stretch by unheard. */
const MAX_STEP_MS = 40;
/** Largest delay that is ever asked for, ms: more would hurt the conversation more than it helps. */
const MAX_TARGET_MS = 1000;
/** A skew beyond this is a clock that is not known yet, not a skew. */
const MAX_SKEW_MS = 3000;
/** Measurements of which the median counts. */
const WINDOW = 3;

/** What the two halves of one person's media do now, ms. */
export interface SyncInput {
  /** Capture time of the audio that is played minus that of the video that is shown: above 0 when
   * the voice comes too early. `null`: not known. */
  skew: number | null;
  /** Time that media waits in each jitter buffer. */
  audioDelay: number;
  videoDelay: number;
}

/** `jitterBufferTarget` of the two receivers, ms; `null`: the browser's own choice. */
export interface SyncTargets {
  audio: number | null;
  video: number | null;
}

/**
 * Brings one person's voice and picture together by delaying whichever is early, slowly. A delay
 * that was asked for is taken back before the other side is delayed. Pure.
 */
export class SyncController {
  #targets: SyncTargets = { audio: null, video: null };
  #skews: number[] = [];

  get targets(): SyncTargets {
    return this.#targets;
  }

  /** The targets after this measurement. */
  update(input: SyncInput): SyncTargets {
    if (input.skew === null || Math.abs(input.skew) > MAX_SKEW_MS) {
      this.#skews = [];
      return this.#targets;
    }
    this.#skews.push(input.skew);
    if (this.#skews.length < WINDOW) return this.#targets;
    const skew = median(this.#skews);
    this.#skews.shift();
    if (Math.abs(skew) <= DEAD_BAND_MS) return this.#targets;

    const step = Math.min(Math.abs(skew) * GAIN, MAX_STEP_MS);
    const early = skew > 0 ? "audio" : "video";
    const late = skew > 0 ? "video" : "audio";
    const delay = { audio: input.audioDelay, video: input.videoDelay };
    const held = this.#targets[late];
    if (held !== null) {
      // Below what it would wait anyway, a target holds nothing back.
      const lowered = Math.min(held, delay[late]) - step;
      this.#targets = { ...this.#targets, [late]: lowered > 0 ? lowered : null };
    } else {
      const base = Math.max(this.#targets[early] ?? 0, delay[early]);
      this.#targets = { ...this.#targets, [early]: Math.min(base + step, MAX_TARGET_MS) };
    }
    // What was measured before the step says nothing about what comes after it.
    this.#skews = [];
    return this.#targets;
  }
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

/** What pairing needs to know of a slot. */
export interface SlotView {
  kind: "audio" | "video";
  participant: string | null;
  /** A shared screen or its sound. */
  screen: boolean;
  slot: Slot;
}

/** Keeps lips and voices of one connection together. */
export class LipSync {
  readonly #pc: RTCPeerConnection;
  readonly #view: () => readonly SlotView[];
  readonly #controllers = new Map<string, SyncController>();
  readonly #stats = new StatsReader();
  #timer: ReturnType<typeof setInterval> | undefined;
  #busy = false;

  constructor(pc: RTCPeerConnection, view: () => readonly SlotView[]) {
    this.#pc = pc;
    this.#view = view;
    this.#timer = setInterval(() => void this.#step(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #step(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#align();
    } finally {
      this.#busy = false;
    }
  }

  async #align(): Promise<void> {
    const views = this.#view();
    const pairs = pairSlots(views);
    const slots = pairs.flatMap(([audio, video]) => [audio.slot, video.slot]);
    const keys = new Set<string>();
    const stats = slots.length > 0 ? await this.#stats.read(this.#pc, slots) : [];
    pairs.forEach(([audio, video], at) => {
      const heard = stats[at * 2];
      const seen = stats[at * 2 + 1];
      // A slot that was re-pointed begins anew: the delays of one person say nothing of another.
      const key = `${audio.slot.mid} ${video.slot.mid} ${audio.participant} ${audio.screen}`;
      keys.add(key);
      let controller = this.#controllers.get(key);
      if (!controller) this.#controllers.set(key, (controller = new SyncController()));
      const targets = controller.update({
        skew: skewOf(heard, seen),
        audioDelay: heard?.jitterBufferMs ?? 0,
        videoDelay: seen?.jitterBufferMs ?? 0,
      });
      setTarget(audio.slot.receiver, targets.audio);
      setTarget(video.slot.receiver, targets.video);
    });
    for (const key of this.#controllers.keys()) if (!keys.has(key)) this.#controllers.delete(key);
    // A slot that is in no pair has nothing to wait for.
    for (const { slot } of views) if (!slots.includes(slot)) setTarget(slot.receiver, null);
  }
}

function skewOf(audio: SlotStats | undefined, video: SlotStats | undefined): number | null {
  if (audio?.playoutTimestamp == null || video?.playoutTimestamp == null) return null;
  return audio.playoutTimestamp - video.playoutTimestamp;
}

function setTarget(receiver: RTCRtpReceiver, target: number | null): void {
  const rounded = target === null ? null : Math.round(target);
  if ("jitterBufferTarget" in receiver && receiver.jitterBufferTarget !== rounded) {
    receiver.jitterBufferTarget = rounded;
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
