// What compares two recordings, held against delays that are known.

import assert from "node:assert/strict";
import { test } from "node:test";

import { median } from "../rig/figures.js";
import { delays, envelope, timeOf } from "../rig/sound.js";

const RATE = 48_000;
const SECONDS = 12;
/** Between two looks of a browser at what its microphone gave, samples. */
const PIECE = 480;

/** Noise as loud as `loudness(seconds)` says, of which the first sample is at `begin` ms. */
function recording(loudness, begin, tremble = () => 0) {
  const samples = Float32Array.from({ length: RATE * SECONDS }, (_, at) => (Math.random() * 2 - 1) * loudness(at / RATE));
  const pieces = Array.from({ length: samples.length / PIECE }, (_, index) => ({ first: index * PIECE, at: begin + (index * PIECE * 1000) / RATE + tremble() }));
  return [{ samples, rate: RATE }, timeOf(pieces, RATE)];
}

/** Syllables and pauses that do not repeat. */
const syllables = (seconds) => Math.max(0, Math.sin(seconds * 17) * Math.sin(seconds * 2.3 + Math.sin(seconds * 0.7) * 4)) ** 2;

test("the delay between two recordings of one loudness is found to a few milliseconds", () => {
  for (const ms of [40, 187, 600]) {
    const [early, earlyTime] = recording(syllables, 1000);
    const [late, lateTime] = recording((seconds) => 0.3 * syllables(seconds - 0.25 - ms / 1000), 750, () => Math.random() * 8 - 4);
    const found = delays(envelope(early, earlyTime, 1000, 12_000), envelope(late, lateTime, 1000, 12_000));
    assert.ok(found.length >= 6, `${found.length} windows`);
    const middle = median(found.map((row) => row.ms));
    assert.ok(Math.abs(middle - ms) <= 4, `${middle} ms instead of ${ms}`);
    assert.ok(found.every(({ likeness }) => likeness > 0.9), JSON.stringify(found));
  }
});

test("what is no copy is not alike, and silence says nothing", () => {
  const [early, earlyTime] = recording(syllables, 0);
  const [other, otherTime] = recording((seconds) => syllables(seconds * 1.31 + 40), 0);
  const [still, stillTime] = recording(() => 0, 0);
  const of = (one, time) => envelope(one, time, 0, 12_000);
  const likenesses = delays(of(early, earlyTime), of(other, otherTime)).map(({ likeness }) => likeness);
  assert.ok(median(likenesses) < 0.7, JSON.stringify(likenesses));
  assert.deepEqual(delays(of(still, stillTime), of(early, earlyTime)), []);
});
