// Where one's own models are learned, and which devices are too slow for it.

import { expect, test } from "vitest";

import { LearningPace, learnsOnNode } from "../../../src/sdk/models/learningplace.js";

test("the node learns where it says so, or where it may and the device cannot", () => {
  const learned = (["publisher", "node", "auto"] as const).map((place) =>
    [false, true].flatMap((tooSlow) =>
      [false, true].map((refused) => learnsOnNode(place, { tooSlow, refused })),
    ),
  );
  expect(learned).toEqual([
    [false, false, false, false],
    [true, true, true, true],
    [false, false, true, false],
  ]);
});

/** A camera of `fps` of whose pictures every `of`th is learned from; whether that is ever too slow. */
function learn(fps: number, of: number, seconds: number): boolean {
  const pace = new LearningPace();
  return Array.from({ length: fps * seconds }, (_, at) => pace.picture((at * 1000) / fps, at % of === 0)).some(Boolean);
}

test("a learner that leaves out more than two of three pictures is too slow", () => {
  expect(learn(25, 4, 12)).toBe(true);
  expect(learn(25, 2, 60)).toBe(false);
  expect(learn(25, 1, 60)).toBe(false);
});

test("it is not said of a camera that hardly runs, nor within the first seconds", () => {
  expect(learn(4, 4, 60)).toBe(false);
  expect(learn(25, 4, 9)).toBe(false);
});

test("what came before a pause does not count behind it", () => {
  const pace = new LearningPace();
  for (let at = 0; at < 200; at++) pace.picture(at * 40, false);
  pace.restart();
  expect(Array.from({ length: 200 }, (_, at) => pace.picture(60_000 + at * 40, false)).some(Boolean)).toBe(false);
});
