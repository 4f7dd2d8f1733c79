import { expect, test } from "vitest";

import { FaceSwitch } from "../../../src/sdk/models/faceswitch.js";

/** A tile of Ada that shows her raw picture since 0. */
function rawTile(): FaceSwitch {
  const tile = new FaceSwitch();
  tile.assign("ada");
  expect(tile.rawShown({ at: 0, captured: -100 })).toBe(true);
  return tile;
}

test("the raw picture stays until the model has drawn a frame as new", () => {
  const tile = rawTile();
  tile.want("model", false, 100);
  expect(tile.rawShown({ at: 200, captured: 100 })).toBe(false);
  expect(tile.modelDrawn({ at: 205, captured: 20 })).toBe(false);
  expect(tile.state.shown).toBe("raw");
  expect(tile.modelDrawn({ at: 240, captured: 70 })).toBe(true);
  expect(tile.state.shown).toBe("model");
});

test("delays that never meet do not keep a tile from its form", () => {
  const tile = rawTile();
  tile.want("model", false, 0);
  tile.rawShown({ at: 3090, captured: 3000 });
  expect(tile.modelDrawn({ at: 3100, captured: 2900 })).toBe(true);
});

test("a gate that tripped holds the last frame until any raw one is there", () => {
  const tile = rawTile();
  tile.want("model", false, 0);
  tile.modelDrawn({ at: 50, captured: 0 });
  tile.want("raw", true, 100);
  expect(tile.modelDrawn({ at: 110, captured: 60 })).toBe(false);
  expect(tile.state.shown).toBe("model");
  expect(tile.rawShown({ at: 260, captured: -500 })).toBe(true);
  expect(tile.state.shown).toBe("raw");
});

test("a raw picture that is in no hurry has to go on for some frames", () => {
  const tile = rawTile();
  tile.want("model", false, 0);
  tile.modelDrawn({ at: 50, captured: 0 });
  tile.want("raw", false, 1000);
  const shown = Array.from({ length: 6 }, (_, frame) => tile.rawShown({ at: 1200 + frame * 40, captured: 1100 + frame * 40 }));
  expect(shown).toEqual([false, false, false, false, false, true]);
});

test("a raw picture that comes slowly is taken in the end", () => {
  const tile = rawTile();
  tile.want("model", false, 0);
  tile.modelDrawn({ at: 50, captured: 0 });
  tile.want("raw", false, 1000);
  expect(tile.rawShown({ at: 1500, captured: 1400 })).toBe(false);
  expect(tile.rawShown({ at: 2100, captured: 2000 })).toBe(true);
});

test("a tile that nobody was seen in takes whatever comes first in the form that is wanted", () => {
  const tile = new FaceSwitch();
  tile.assign("ada");
  expect(tile.modelDrawn({ at: 5, captured: null })).toBe(false);
  tile.want("model", false, 10);
  expect(tile.modelDrawn({ at: 20, captured: null })).toBe(true);
  tile.assign("bob");
  expect(tile.state).toEqual({ participant: "bob", shown: null });
});

test("unknown clocks do not delay a switch", () => {
  const tile = rawTile();
  tile.want("model", false, 0);
  tile.rawShown({ at: 10, captured: null });
  expect(tile.modelDrawn({ at: 20, captured: 1 })).toBe(true);
});
