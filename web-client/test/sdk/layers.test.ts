import { describe, expect, test } from "vitest";
import { RIDS, describeLayers, planLayers } from "../../src/sdk/layers.js";
import type { LayerWish } from "../../src/sdk/layers.js";

function plan(wish: Partial<LayerWish>) {
  return planLayers({
    source: "camera",
    size: { width: 1280, height: 720 },
    codec: "vp8",
    rids: RIDS,
    several: true,
    motion: false,
    maxBitrate: null,
    maxFramerate: null,
    ...wish,
  });
}

function sizes(wish: Partial<LayerWish>): string[] {
  return plan(wish).map(({ rid, width, height }) => `${rid} ${width}x${height}`);
}

describe("layers of a camera", () => {
  test("the number of layers follows the longer side of the capture", () => {
    expect(sizes({})).toEqual(["q 320x180", "h 640x360", "f 1280x720"]);
    expect(sizes({ size: { width: 960, height: 540 } })).toHaveLength(3);
    expect(sizes({ size: { width: 640, height: 360 } })).toEqual(["q 320x180", "h 640x360"]);
    expect(sizes({ size: { width: 320, height: 180 } })).toEqual(["q 320x180"]);
  });

  test("a turned phone has as many", () => {
    expect(sizes({ size: { width: 720, height: 1280 } })).toEqual([
      "q 180x320",
      "h 360x640",
      "f 720x1280",
    ]);
  });

  test("the largest layer is as large as the capture, the others have even sides", () => {
    const layers = plan({ size: { width: 1003, height: 565 } });
    expect(layers.at(-1)).toMatchObject({ width: 1003, height: 565 });
    for (const { width, height } of layers.slice(0, -1)) {
      expect([width % 2, height % 2]).toEqual([0, 0]);
    }
  });

  test("each layer has a limit of its own, which grows with its size", () => {
    const rates = plan({}).map(({ maxBitrate }) => maxBitrate);
    expect(rates).toEqual([150_000, 500_000, 1_700_000]);
    expect(plan({ size: { width: 3840, height: 2160 } }).at(-1)?.maxBitrate).toBeGreaterThan(5e6);
    expect(plan({ size: { width: 80, height: 60 } })[0]?.maxBitrate).toBe(60_000);
  });

  test("the publisher's own limit holds for every layer", () => {
    const rates = plan({ maxBitrate: 400_000 }).map(({ maxBitrate }) => maxBitrate);
    expect(rates).toEqual([150_000, 400_000, 400_000]);
  });

  test("an m-line with one encoding gets the whole picture in it", () => {
    expect(plan({ rids: [null] })).toMatchObject([{ rid: null, width: 1280, height: 720 }]);
    expect(plan({ several: false })).toMatchObject([{ rid: "q", width: 1280, height: 720 }]);
  });
});

describe("layers of a shared screen", () => {
  test("two of them, the small one slow", () => {
    const layers = plan({ source: "screen", size: { width: 1920, height: 1080 } });
    expect(layers).toMatchObject([
      { rid: "q", width: 960, height: 540, maxFramerate: 5 },
      { rid: "h", width: 1920, height: 1080, maxFramerate: 15 },
    ]);
  });

  test("a film keeps its frame rate", () => {
    const rates = plan({ source: "screen", motion: true }).map(({ maxFramerate }) => maxFramerate);
    expect(rates).toEqual([null, null]);
  });
});

describe("scalable codecs", () => {
  test.each(["vp9", "av1"] as const)("%s puts its layers into one encoding", (codec) => {
    expect(plan({ codec })).toMatchObject([
      { rid: "q", width: 1280, height: 720, scalabilityMode: "L3T3_KEY" },
    ]);
    expect(plan({ codec, size: { width: 640, height: 360 } })[0]?.scalabilityMode).toBe("L2T3_KEY");
    expect(plan({ codec, size: { width: 320, height: 180 } })[0]?.scalabilityMode).toBe("L1T3");
  });
});

test("the node is told sizes, limits, tags and modes", () => {
  expect(describeLayers(plan({ size: { width: 320, height: 180 } }))).toEqual([
    { rid: "q", width: 320, height: 180, maxBitrate: 150_000 },
  ]);
  expect(describeLayers(plan({ codec: "av1", rids: [null] }))).toEqual([
    { width: 1280, height: 720, maxBitrate: 1_360_000, scalabilityMode: "L3T3_KEY" },
  ]);
});
