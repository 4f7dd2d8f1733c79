// When what is learned is worth a new epoch.

import { expect, test } from "vitest";

import { CodecError } from "../../../src/sdk/models/codec.js";
import type { LearnerReport } from "../../../src/sdk/models/capture.protocol.js";
import { Lessons } from "../../../src/sdk/models/lessons.js";

const PICTURE = { type: "picture", pixels: new Uint8ClampedArray(4), width: 1, height: 1, missed: false } as const;

/** Lessons with a learner whose progress and models the test says. */
function school() {
  const said = { usable: false, refined: false, body: new Uint8Array([1]) as Uint8Array | null };
  const seen = { now: 0, missed: 0, reports: [] as LearnerReport[] };
  const learner = {
    pushSound: () => ({ perMille: 0, ...said }),
    pushPicture: () => ({ perMille: 400, ...said }),
    pushMissed: () => void seen.missed++,
    finish: () => {
      if (!said.body) throw new CodecError("does not fit");
      return said.body;
    },
  };
  const lessons = new Lessons({
    codec: {
      createLearner: () => learner as never,
      writeContainer: ({ body }) => ({ bytes: body, hash: `${body[0]}` }),
      deltaBetween: (from, to) => new Uint8Array([from[0] ?? 0, to[0] ?? 0]),
    },
    plugin: 8,
    epoch: 3,
    now: () => seen.now,
    today: () => 1,
    report: (report) => seen.reports.push(report),
  });
  const look = (now: number) => {
    seen.now = now;
    seen.reports = [];
    lessons.take(PICTURE);
    return seen.reports.filter(({ type }) => type === "model");
  };
  return { said, seen, lessons, look };
}

test("the first usable model is made at once, a refined one 10 s later at the earliest, as a difference", () => {
  const { said, look } = school();
  expect(look(0)).toEqual([]);
  said.usable = true;
  const [first] = look(40);
  expect(first).toMatchObject({ epoch: 3, hash: "1", delta: null });
  said.body = new Uint8Array([2]);
  expect(look(10_040), "not refined").toEqual([]);
  said.refined = true;
  expect(look(9_999)).toEqual([]);
  const [second] = look(10_041);
  expect(second).toMatchObject({ epoch: 4, hash: "2" });
  expect(second?.type === "model" && [...new Uint8Array(second.delta ?? new ArrayBuffer())]).toEqual([1, 2]);
});

test("who does not fit at first is learned on, and tried again where there is a chance, 10 s later", () => {
  const { said, look } = school();
  Object.assign(said, { usable: true, body: null });
  expect(look(0)).toEqual([]);
  said.body = new Uint8Array([7]);
  expect(look(12_000), "no chance").toEqual([]);
  said.refined = true;
  expect(look(5_000)).toEqual([]);
  expect(look(10_000)).toMatchObject([{ epoch: 3, hash: "7" }]);
});

test("progress is told twice a second until there is a model", () => {
  const { said, seen, look } = school();
  look(0);
  expect(seen.reports).toEqual([{ type: "progress", progress: 0.4 }]);
  look(400);
  expect(seen.reports).toEqual([]);
  look(500);
  expect(seen.reports).toHaveLength(1);
  said.usable = true;
  look(1_000);
  look(2_000);
  expect(seen.reports).toEqual([]);
});

test("what a model misses is told to its learner, and is no progress", () => {
  const { seen, lessons } = school();
  lessons.take({ ...PICTURE, missed: true });
  expect([seen.missed, seen.reports]).toEqual([1, []]);
});
