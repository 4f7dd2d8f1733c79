// Which pictures of a camera are sent as a model's.

import { expect, test } from "vitest";

import { FaceCapture } from "../../../src/sdk/models/facecapture.js";
import type { FaceTools, Judgement } from "../../../src/sdk/models/facecapture.js";

const PICTURE = { pixels: new Uint8ClampedArray(4), width: 1, height: 1 };
const GREEN: Judgement = { verdict: "green", passing: false, missed: false };
const RED: Judgement = { verdict: "red", passing: false, missed: true };

/** A camera whose blocks of 80 ms are judged like that; what was sent, said and begun anew. */
function capture(judgements: Judgement[]) {
  const sent: number[] = [];
  const said: Judgement[] = [];
  let restarts = 0;
  const waiting = [...judgements];
  const tools: FaceTools = {
    epoch: 1,
    plugin: 9,
    push: () => undefined,
    flush: () => new Uint8Array([1]),
    restart: () => restarts++,
    judge: () => waiting.shift() ?? GREEN,
  };
  const face = new FaceCapture({
    verdict: (judgement) => said.push(judgement),
    payload: ({ media }) => sent.push(media),
  });
  judgements.forEach((_, block) => face.push(PICTURE, block * 80, true, tools, 2));
  face.flush(judgements.length * 80, true);
  return { sent, said, restarts };
}

test("nothing that is red is sent, and what follows stands for itself", () => {
  const { sent, said, restarts } = capture([GREEN, RED, RED, GREEN]);
  expect(sent).toEqual([0, 240]);
  expect(said.map(({ verdict }) => verdict)).toEqual(["green", "red", "red", "green"]);
  expect(restarts).toBe(2);
});

test("what may pass is not sent either, and is told as such", () => {
  const passing: Judgement = { verdict: "red", passing: true, missed: true };
  const { sent, said } = capture([GREEN, passing, passing, GREEN]);
  expect(sent).toEqual([0, 240]);
  expect(said).toEqual([GREEN, passing, passing, GREEN]);
});

test("of a camera that makes 30 or 60 pictures a second, 25 are taken, or 12 of a device that has no time for more", () => {
  for (const [rate, perBlock] of [[25, 2], [30, 2], [60, 2], [30, 1]] as const) {
    const offsets: number[][] = [[]];
    const tools: FaceTools = {
      epoch: 1,
      plugin: 9,
      push: (_, offset) => offsets.at(-1)?.push(offset),
      flush: () => {
        offsets.push([]);
        return new Uint8Array([1]);
      },
      restart: () => undefined,
      judge: () => GREEN,
    };
    const face = new FaceCapture({ verdict: () => undefined, payload: () => undefined });
    for (let at = 0; at < rate; at += 1) face.push(PICTURE, (at * 1000) / rate, true, tools, perBlock);
    const pictures = offsets.flat().length;
    expect(pictures, `${rate} a second`).toBeGreaterThanOrEqual(12.5 * perBlock - 2);
    expect(pictures, `${rate} a second`).toBeLessThanOrEqual(12.5 * perBlock + 1);
  }
});
