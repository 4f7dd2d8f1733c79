import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SlotViewport } from "../../src/sdk/signal.js";
import { SETTLE_MS, ViewportReport, boundedViewport } from "../../src/sdk/viewport.js";

describe("what the node is told of sizes", () => {
  let slots: SlotViewport[] = [];
  let sent: SlotViewport[][] = [];
  let report: ViewportReport;

  beforeEach(() => {
    vi.useFakeTimers();
    slots = [];
    sent = [];
    report = new ViewportReport({
      collect: () => slots.map((slot) => ({ ...slot })),
      send: (told) => sent.push(told),
      now: () => Date.now(),
    });
  });
  afterEach(() => void vi.useRealTimers());

  function show(...sizes: [string, number][]): void {
    slots = sizes.map(([mid, height]) => ({ mid, width: height * 2, height }));
    report.changed();
  }

  test("a first size is told at once, with all that are known by then", () => {
    show(["5", 90]);
    show(["5", 90], ["6", 90]);
    vi.advanceTimersByTime(0);
    expect(sent).toEqual([[slot("5", 90), slot("6", 90)]]);
  });

  test("growing is told at once, shrinking when the page has come to rest", () => {
    show(["5", 90]);
    vi.advanceTimersByTime(1000);
    show(["5", 360]);
    vi.advanceTimersByTime(0);
    expect(sent.at(-1)).toEqual([slot("5", 360)]);
    vi.advanceTimersByTime(1000);
    for (const height of [300, 250, 200]) {
      show(["5", height]);
      vi.advanceTimersByTime(SETTLE_MS - 1);
    }
    expect(sent).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(sent.at(-1)).toEqual([slot("5", 200)]);
  });

  test("an animation is told ten times a second at most", () => {
    for (let height = 100; height < 160; height++) {
      show(["5", height]);
      vi.advanceTimersByTime(16);
    }
    vi.advanceTimersByTime(1000);
    expect(sent.length).toBeLessThanOrEqual(12);
    expect(sent.at(-1)).toEqual([slot("5", 159)]);
  });

  test("what is taken back before it was told is not told", () => {
    show(["5", 90]);
    vi.advanceTimersByTime(1000);
    show(["5", 0]);
    show(["5", 90]);
    vi.advanceTimersByTime(1000);
    expect(sent).toHaveLength(1);
  });

  test("a new connection is told everything", () => {
    show(["5", 90]);
    vi.advanceTimersByTime(1000);
    report.restart();
    vi.advanceTimersByTime(0);
    expect(sent).toHaveLength(2);
  });
});

test("sizes are whole, not negative, and fit the message", () => {
  expect(boundedViewport({ width: 320.4, height: 179.6 })).toEqual({ width: 320, height: 180 });
  expect(boundedViewport({ width: 320, height: 0.2 })).toEqual({ width: 0, height: 0 });
  expect(boundedViewport({ width: -5, height: Number.NaN })).toEqual({ width: 0, height: 0 });
  expect(boundedViewport({ width: 1e9, height: 10 })).toEqual({ width: 65_535, height: 10 });
});

function slot(mid: string, height: number): SlotViewport {
  return { mid, width: height * 2, height };
}
