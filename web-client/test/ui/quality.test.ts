import { describe, expect, test } from "vitest";
import type { Participant, Quality, SentLayer, SentStats, SlotContent } from "../../src/sdk/sotto.js";
import { en } from "../../src/ui/i18n/en.js";
import type { Key } from "../../src/ui/i18n/en.js";
import { fill } from "../../src/ui/i18n/language.js";
import { sentRows } from "../../src/ui/meeting/figures.js";
import { heldBack, pictureOf } from "../../src/ui/meeting/quality.js";

const ANN: Participant = {
  ...{ id: "a", identity: "ann", name: "Ann", shortId: 1 },
  tracks: [
    { id: 1, source: "camera", muted: false, encrypted: false },
    { id: 2, source: "screen", muted: false, encrypted: false },
  ],
};
const LAYER = { rid: "q", spatial: 0, temporal: 2, height: 180 };

function slot(track: number, quality: Quality | null, kind: "audio" | "video" = "video") {
  const content: SlotContent = { participant: "a", shortId: 1, track };
  return { kind, content, quality };
}

describe("pictures that are held back", () => {
  test("a person's camera and screen are told apart", () => {
    const slots = [
      slot(1, { layer: null, limit: "bandwidth" }),
      slot(2, { layer: LAYER, limit: "bandwidth" }),
    ];
    expect([...heldBack(slots, [ANN])]).toEqual([[pictureOf("a", false), "bandwidth"]]);
    const codec = slot(2, { layer: null, limit: "codec" });
    expect([...heldBack([codec], [ANN])]).toEqual([[pictureOf("a", true), "codec"]]);
  });

  test("one that the page does not show is not one", () => {
    expect(heldBack([slot(1, { layer: null, limit: "viewport" })], [ANN]).size).toBe(0);
  });

  test("neither is sound, nor an empty slot, nor one of which nothing was said", () => {
    const empty = { kind: "video" as const, content: null, quality: null };
    const sound = slot(1, { layer: null, limit: "bandwidth" }, "audio");
    expect(heldBack([empty, sound, slot(1, null)], [ANN]).size).toBe(0);
  });
});

describe("what this person's own tile tells", () => {
  const t = (key: Key, values = {}) => fill(en[key], values);
  const layer = (rid: string, height: number, active: boolean): SentLayer => ({
    ...{ rid, width: (height * 16) / 9, height, active },
    ...{ maxBitrate: 1, maxFramerate: null, scalabilityMode: null },
  });

  test("each layer, and that nobody needs it", () => {
    const stats = [{ rid: "q", fps: 14.8, bitrate: 140_400, codec: "video/VP8" } as SentStats];
    const rows = sentRows(t, [layer("q", 180, true), layer("f", 720, false)], stats, null);
    expect(rows).toEqual([
      ["180p", "15 fps, 140 kbit/s"],
      ["720p", "nobody needs it"],
      ["Codec", "VP8"],
    ]);
  });

  test("the line, where the node has told it", () => {
    const line = { estimate: 2_500_000, allocated: 0, wanted: 0 };
    expect(sentRows(t, [layer("q", 180, true)], [], line)).toEqual([
      ["180p", "starting"],
      ["Your line", "2500 kbit/s"],
    ]);
  });
});
