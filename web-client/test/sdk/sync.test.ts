import { describe, expect, test } from "vitest";
import { facesAlone, pairSlots } from "../../src/sdk/lipsync.js";
import type { SlotView } from "../../src/sdk/lipsync.js";
import { latencyOf } from "../../src/sdk/playout.js";
import type { SlotContent } from "../../src/sdk/signal.js";
import { SyncController } from "../../src/sdk/sync.js";

/** Between two measurements, ms. */
const TICK = 100;
/** How fast a buffer follows its target, ms per tick. */
const SLEW = 10;

/** Two jitter buffers: each waits as long as it must, or as long as it is told if that is more. */
class Playout {
  readonly controller = new SyncController();
  readonly delays: { audio: number; video: number };
  #now = 0;

  constructor(
    /** What each buffer must wait, ms. */
    readonly needs: { audio: number; video: number },
    /** How much later than the voice the picture comes in, ms. */
    public videoLate: number,
  ) {
    this.delays = { ...needs };
  }

  get skew(): number {
    return this.delays.video + this.videoLate - this.delays.audio;
  }

  /** The skews, without their sign, of so many seconds. */
  run(seconds: number, noise: () => number = () => 0): number[] {
    return Array.from({ length: (seconds * 1000) / TICK }, () => {
      this.#now += TICK;
      const { audio, video } = this.delays;
      const targets = this.controller.update({
        now: this.#now,
        skew: this.skew + noise(),
        audioDelay: audio,
        videoDelay: video,
      });
      for (const kind of ["audio", "video"] as const) {
        const wanted = Math.max(this.needs[kind], targets[kind] ?? 0);
        const move = wanted - this.delays[kind];
        this.delays[kind] += Math.max(-SLEW, Math.min(SLEW, move));
      }
      return Math.abs(this.skew);
    });
  }
}

/** The same noise on each run: -amplitude to amplitude. */
function noise(amplitude: number): () => number {
  let state = 1;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return (state / 2 ** 31 - 0.5) * 2 * amplitude;
  };
}

describe("lip sync", () => {
  test("a voice that is early is delayed until it fits, within five seconds", () => {
    const playout = new Playout({ audio: 40, video: 60 }, 180);
    expect(playout.run(5).at(-1)).toBeLessThanOrEqual(20);
    expect(playout.controller.targets.video).toBeNull();
  });

  test("a picture that is early is delayed until it fits, within five seconds", () => {
    const playout = new Playout({ audio: 200, video: 30 }, 0);
    expect(playout.run(5).at(-1)).toBeLessThanOrEqual(20);
    expect(playout.controller.targets.audio).toBeNull();
  });

  test("a delay is taken back before the other side is delayed", () => {
    const playout = new Playout({ audio: 40, video: 60 }, 200);
    playout.run(10);
    expect(playout.controller.targets.audio).not.toBeNull();
    playout.videoLate = -60;
    expect(playout.run(10).at(-1)).toBeLessThanOrEqual(15);
    expect(playout.delays.audio).toBe(40);
    expect(playout.delays.video).toBeLessThanOrEqual(115);
  });

  test("once it fits, it stays: 95 of 100 noisy steps are within 60 ms", () => {
    const playout = new Playout({ audio: 60, video: 90 }, 120);
    const settled = playout.run(60, noise(40)).slice(50).sort((a, b) => a - b);
    expect(settled[Math.floor(settled.length * 0.95)]).toBeLessThanOrEqual(60);
  });

  test("a skew of many seconds is an unknown clock and moves nothing", () => {
    const playout = new Playout({ audio: 40, video: 40 }, 60_000);
    playout.run(5);
    expect(playout.controller.targets).toEqual({ audio: null, video: null });
  });

  test("latency counts from the publisher's clock, over the wrap of the timestamp", () => {
    const content: SlotContent = {
      participant: "a",
      shortId: 1,
      track: 1,
      rtpTimestamp: 0xffff_ffff - 4500 + 1,
      captureTime: 1_000_000_000,
    };
    const at = 1_000_000 + 100 + 80;
    expect(latencyOf("video", content, { rtpTimestamp: 4500, at })).toBeCloseTo(80);
    const former = { rtpTimestamp: 0xffff_0000, at };
    expect(latencyOf("video", content, former)).toBeNull();
    expect(latencyOf("video", { ...content, captureTime: null }, { rtpTimestamp: 0, at })).toBeNull();
    expect(latencyOf("audio", null, { rtpTimestamp: 0, at })).toBeNull();
  });

  test("voices pair with faces, and screens with their sound", () => {
    const view = (kind: "audio" | "video", participant: string | null, screen: boolean) =>
      ({ kind, participant, screen, slot: {} }) as SlotView;
    const voice = view("audio", "a", false);
    const sound = view("audio", "a", true);
    const face = view("video", "a", false);
    const screen = view("video", "a", true);
    const lonely = view("audio", "b", false);
    const empty = view("audio", null, false);
    expect(pairSlots([voice, sound, lonely, empty, screen, face])).toEqual([
      [voice, face],
      [sound, screen],
    ]);
    // A voice in model form has no slot.
    const other = view("video", "c", false);
    const slots = [voice, face, screen, lonely, empty, other, view("video", "d", false)];
    expect(facesAlone(slots, (participant) => participant !== "d")).toEqual([other]);
  });
});
