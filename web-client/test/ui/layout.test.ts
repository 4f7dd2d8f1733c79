import { describe, expect, test } from "vitest";
import { gridCapacity, gridLayout, stageLayout } from "../../src/ui/meeting/layout.js";
import type { Rect, Size } from "../../src/ui/meeting/layout.js";

const STAGES: Record<string, Size> = {
  desktop: { width: 1264, height: 640 },
  phone: { width: 374, height: 640 },
  phoneTurned: { width: 700, height: 260 },
  sliver: { width: 60, height: 40 },
};

function expectInside(rects: readonly Rect[], { width, height }: Size): void {
  for (const rect of rects) {
    expect(rect.x).toBeGreaterThanOrEqual(-0.01);
    expect(rect.y).toBeGreaterThanOrEqual(-0.01);
    expect(rect.x + rect.width).toBeLessThanOrEqual(width + 0.01);
    expect(rect.y + rect.height).toBeLessThanOrEqual(height + 0.01);
  }
}

function expectApart(rects: readonly Rect[]): void {
  rects.forEach((a, at) => {
    for (const b of rects.slice(at + 1)) {
      const apart =
        a.x + a.width <= b.x + 0.01 ||
        b.x + b.width <= a.x + 0.01 ||
        a.y + a.height <= b.y + 0.01 ||
        b.y + b.height <= a.y + 0.01;
      expect(apart).toBe(true);
    }
  });
}

describe.each(Object.entries(STAGES))("on a %s stage", (name, size) => {
  const count = name === "sliver" ? 2 : 12;

  test("grid tiles are inside and do not overlap", () => {
    for (let tiles = 1; tiles <= count; tiles++) {
      const rects = gridLayout(tiles, size);
      expect(rects).toHaveLength(tiles);
      expectInside(rects, size);
      expectApart(rects);
    }
  });

  test("the big tile and the strip are inside and do not overlap", () => {
    if (name === "sliver") return;
    for (let tiles = 0; tiles <= count; tiles++) {
      const { stage, strip } = stageLayout(tiles, size);
      expectInside([stage, ...strip], size);
      expectApart([stage, ...strip]);
      expect(strip.length).toBeLessThanOrEqual(tiles);
    }
  });
});

test("two tiles stand side by side on a desktop and one above the other on a phone", () => {
  const [a, b] = gridLayout(2, STAGES["desktop"] as Size) as [Rect, Rect];
  expect(a.y).toBeCloseTo(b.y);
  const [c, d] = gridLayout(2, STAGES["phone"] as Size) as [Rect, Rect];
  expect(c.x).toBeCloseTo(d.x);
});

test("a stage always has room for one tile", () => {
  expect(gridCapacity({ width: 0, height: 0 })).toBe(1);
  expect(gridCapacity(STAGES["desktop"] as Size)).toBeGreaterThanOrEqual(9);
});
