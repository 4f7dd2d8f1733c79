import { describe, expect, test } from "vitest";
import type { Participant, SlotContent } from "../../src/sdk/sotto.js";
import { planTiles } from "../../src/ui/meeting/tiles.js";
import type { Scene } from "../../src/ui/meeting/tiles.js";

/** Participant `p3` has the camera track 30 and, if it shares, the screen track 31. */
function person(number: number, options: { camera?: boolean; screen?: boolean } = {}): Participant {
  const tracks: Participant["tracks"][number][] = [];
  const base = { muted: false, encrypted: false };
  if (options.camera ?? true) tracks.push({ id: number * 10, source: "camera", ...base });
  if (options.screen) tracks.push({ id: number * 10 + 1, source: "screen", ...base });
  return { id: `p${number}`, shortId: number, identity: `p${number}`, name: `P${number}`, tracks };
}

function showing(...slots: [mid: string, person: number, track: number][]): Scene["shown"] {
  return new Map(
    slots.map(([mid, number, track]): [string, SlotContent] => [
      mid,
      { participant: `p${number}`, shortId: number, track, rtpTimestamp: 0 },
    ]),
  );
}

function scene(change: Partial<Scene>): Scene {
  return {
    size: { width: 1264, height: 640 },
    mode: "auto",
    pin: null,
    page: 0,
    participants: [],
    shown: new Map(),
    speakers: [],
    slots: 9,
    ...change,
  };
}

describe("the grid", () => {
  test("alone, one has the whole stage and asks for nothing", () => {
    const plan = planTiles(scene({}));
    expect(plan.tiles.map((tile) => tile.key)).toEqual(["own"]);
    expect(plan.view).toEqual({ mode: "grid", pins: [], offset: 0, tiles: 0 });
  });

  test("people stay in the order of coming, whichever slot carries them", () => {
    const plan = planTiles(
      scene({
        participants: [person(1), person(2), person(3, { camera: false })],
        shown: showing(["8", 1, 10], ["7", 2, 20]),
      }),
    );
    expect(plan.tiles.map((tile) => tile.key)).toEqual(["slot:8", "slot:7", "camera:p3", "own"]);
    expect(plan.view.tiles).toBe(3);
  });

  test("a slot whose owner left, or whose track was muted, has no tile", () => {
    const muted = { ...person(1), tracks: person(1).tracks.map((track) => ({ ...track, muted: true })) };
    const plan = planTiles(
      scene({ participants: [muted], shown: showing(["7", 1, 10], ["8", 2, 20]) }),
    );
    expect(plan.tiles.map((tile) => tile.mid)).toEqual([null, null]);
  });

  test("a page passes over the cameras of the pages before it, not over people without one", () => {
    const participants = Array.from({ length: 20 }, (_, at) => person(at + 1, { camera: at % 2 === 0 }));
    const plan = planTiles(scene({ participants, page: 1 }));
    expect(plan.pages).toBe(3);
    expect(plan.tiles[0]?.participant).toBe("p10");
    expect(plan.view).toMatchObject({ offset: 5, tiles: 9 });
  });

  test("a page that is not there any more gives way to the last one", () => {
    const plan = planTiles(scene({ participants: [person(1)], page: 4 }));
    expect(plan.page).toBe(0);
  });
});

describe("the stage", () => {
  test("a shared screen takes it by itself, and the sharer's camera stands beside", () => {
    const plan = planTiles(
      scene({
        participants: [person(1), person(2, { screen: true })],
        shown: showing(["7", 1, 10], ["8", 2, 21], ["9", 2, 20]),
      }),
    );
    expect(plan.tiles.find((tile) => tile.stage)).toMatchObject({ participant: "p2", screen: true });
    expect(plan.tiles.map((tile) => tile.key)).toEqual(["slot:8", "slot:7", "slot:9", "own"]);
    expect(plan.view.tiles).toBe(3);
  });

  test("whoever asked for the grid keeps it", () => {
    const plan = planTiles(scene({ mode: "grid", participants: [person(1, { screen: true })] }));
    expect(plan.staged).toBe(false);
  });

  test("the dominant speaker is on it, a pin outranks him", () => {
    const participants = [person(1), person(2), person(3)];
    const speakers = ["p2", "p1"];
    const spoken = planTiles(scene({ mode: "speaker", participants, speakers }));
    expect(spoken.tiles[0]).toMatchObject({ participant: "p2", stage: true });
    expect(spoken.view).toMatchObject({ mode: "speaker", pins: [] });
    const pinned = planTiles(scene({ participants, speakers, pin: "p3" }));
    expect(pinned.tiles[0]).toMatchObject({ participant: "p3", stage: true });
    expect(pinned.view.pins).toEqual(["p3"]);
  });

  test("the strip goes to those who spoke last, in the order of coming", () => {
    const participants = Array.from({ length: 12 }, (_, at) => person(at + 1));
    const plan = planTiles(
      scene({ mode: "speaker", participants, speakers: ["p12", "p11", "p3"] }),
    );
    const strip = plan.tiles.filter((tile) => !tile.stage).map((tile) => tile.participant);
    expect(strip.at(-1)).toBeNull();
    expect(strip).toContain("p11");
    expect(strip.indexOf("p3")).toBeLessThan(strip.indexOf("p11"));
    expect(strip).not.toContain("p10");
  });
});
