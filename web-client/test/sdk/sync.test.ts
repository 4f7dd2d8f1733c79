import { describe, expect, test } from "vitest";
import { SyncController, pairSlots } from "../../src/sdk/sync.js";
import type { SlotView, SyncTargets } from "../../src/sdk/sync.js";

/** Two jitter buffers: each waits as long as it must, or as long as it is told if that is more. */
class Playout {
  audioNeeds: number;
  videoNeeds: number;
  /** How much later than the audio the video comes in, ms. */
  videoLate: number;
  readonly controller = new SyncController();

  constructor(audioNeeds: number, videoNeeds: number, videoLate: number) {
    this.audioNeeds = audioNeeds;
    this.videoNeeds = videoNeeds;
    this.videoLate = videoLate;
  }

  get delays(): { audio: number; video: number } {
    const { audio, video }: SyncTargets = this.controller.targets;
    return {
      audio: Math.max(this.audioNeeds, audio ?? 0),
      video: Math.max(this.videoNeeds, video ?? 0),
    };
  }

  get skew(): number {
    return this.delays.video + this.videoLate - this.delays.audio;
  }

  run(steps: number, noise: () => number = () => 0): number[] {
    return Array.from({ length: steps }, () => {
      const { audio, video } = this.delays;
      this.controller.update({ skew: this.skew + noise(), audioDelay: audio, videoDelay: video });
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
  test("a voice that is early is delayed until it fits", () => {
    const playout = new Playout(40, 60, 180);
    const skews = playout.run(60);
    expect(skews.at(-1)).toBeLessThanOrEqual(15);
    expect(playout.controller.targets.video).toBeNull();
  });

  test("a picture that is early is delayed until it fits", () => {
    const playout = new Playout(200, 30, 0);
    expect(playout.run(60).at(-1)).toBeLessThanOrEqual(15);
    expect(playout.controller.targets.audio).toBeNull();
  });

  test("a delay is taken back before the other side is delayed", () => {
    const playout = new Playout(40, 60, 200);
    playout.run(60);
    expect(playout.controller.targets.audio).not.toBeNull();
    playout.videoLate = -60;
    expect(playout.run(80).at(-1)).toBeLessThanOrEqual(15);
    expect(playout.delays.audio).toBe(40);
    expect(playout.delays.video).toBeLessThanOrEqual(115);
  });

  test("with noisy measurements 95 of 100 settled steps are within 60 ms", () => {
    const playout = new Playout(60, 90, 120);
    const settled = playout.run(400, noise(25)).slice(40).sort((a, b) => a - b);
    expect(settled[Math.floor(settled.length * 0.95)]).toBeLessThanOrEqual(60);
  });

  test("a skew of many seconds is an unknown clock and moves nothing", () => {
    const playout = new Playout(40, 40, 60_000);
    playout.run(20);
    expect(playout.controller.targets).toEqual({ audio: null, video: null });
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
  });
});
