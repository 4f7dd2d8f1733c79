// What is made of blocks in bundles, where the truth is known.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import "../page/marks.js";
import { judge, PACKET_MS, TURN_MS } from "../rig/bundles.js";
import { PRESSURE, waitedBetween, watchMachine } from "../rig/machine.js";

const [TONE, BAR] = [7, 15];
/** Six people: the last one talks alone, in the second turn of two. */
const PEOPLE = Array.from({ length: 6 }, (_, index) => ({ name: `crowd-${index}`, shortId: index + 1 }));
/** A beginning of the first turn, ms since 1970. */
const BEGIN = 1_795_244_400_000 - (1_795_244_400_000 % (2 * TURN_MS));

/** A machine that kept nobody waiting. */
const IDLE = [{ at: BEGIN, waited: 0 }];

/** Block `number` of somebody, `late` ms on its way, as a page tells of it. */
function row(number, { participant = 1, plugin = BAR, late = 20, counter = number, says = participant } = {}) {
  const media = (BEGIN + number * PACKET_MS) % 65_536;
  const sent = BEGIN + (number + 1) * PACKET_MS + 3;
  const wrap = plugin === TONE ? 65_536 : 1000;
  const mark = { participant: says, counter: (65_530 + counter) % 65_536, sent: sent % wrap, wrap };
  return { participant, plugin, media, at: sent + late, mark };
}

function rows(count, change = () => ({})) {
  return Array.from({ length: count }, (_, number) => row(number, change(number)));
}

function bytes(hex) {
  return Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16));
}

test("marks are read as native participants write them", () => {
  const [tone, bar] = ["004dd6d19dfb00192cab", "d6d100004d0019281156007b"].map(bytes);
  assert.deepEqual(readMark(TONE, 1, tone), { participant: 25, counter: 77, sent: 1_795_244_400_123 % 65_536, wrap: 65_536 });
  assert.deepEqual(readMark(BAR, 1, bar), { participant: 25, counter: 77, sent: 123, wrap: 1000 });
});

test("one wrong bit of a mark, another epoch or another plug-in is noticed", () => {
  for (const [plugin, hex] of [[TONE, "004dd6d19dfb00192cab"], [BAR, "d6d100004d0019281156007b"]]) {
    for (let bit = 0; bit < hex.length * 4; bit += 1) {
      const wrong = bytes(hex);
      wrong[bit >> 3] ^= 1 << (bit & 7);
      assert.equal(readMark(plugin, 1, wrong), null, `bit ${bit} of ${plugin}`);
    }
    assert.equal(readMark(plugin, 2, bytes(hex)), null);
    assert.equal(readMark(plugin === TONE ? BAR : TONE, 1, bytes(hex)), null);
  }
});

test("what is whole and on time is told so, whatever wraps", () => {
  const judged = judge(rows(1000), PEOPLE, IDLE);
  const lateness = { count: 1000, p50: 20, p99: 20, max: 20 };
  assert.deepEqual(judged, {
    ...{ entries: 1000, broken: 0, misattributed: 0, misnumbered: 0, lostOfFaces: 0, lostOfVoices: 0, faces: 1, voices: 0 },
    ...{ lateness, latenessCertain: lateness, sinceCaptureEnd: { count: 1000, p50: 23, p99: 23, max: 23 } },
  });
});

test("an entry that is broken, of somebody else, of a stranger or under a wrong number is found", () => {
  const wrong = [{ ...row(0), mark: null }, row(1, { says: 2 }), row(2, { participant: 9 }), row(3), row(4, { counter: 6 })];
  const { broken, misattributed, misnumbered } = judge(wrong, PEOPLE, IDLE);
  assert.deepEqual([broken, misattributed, misnumbered], [1, 2, 1]);
});

test("a face that misses a block has lost it; a voice only while it talks", () => {
  const without = (number, change) => rows(40, () => change).filter((_, index) => index !== number);
  const perTurn = TURN_MS / PACKET_MS;
  assert.equal(judge(without(7), PEOPLE, IDLE).lostOfFaces, 1);
  const voice = { plugin: TONE, participant: 6 };
  assert.equal(judge(without(5, voice), PEOPLE, IDLE).lostOfVoices, 0);
  assert.equal(judge(without(perTurn + 5, voice), PEOPLE, IDLE).lostOfVoices, 1);
});

test("what was late while something waited for a processor is not late for certain; the rest is", () => {
  const late = rows(100, (number) => (number >= 50 && number < 55 ? { late: 300 } : {}));
  const from = BEGIN + 50 * PACKET_MS;
  const looks = (waited) => [
    ...[{ at: BEGIN, waited: 7 }, { at: from, waited: 7 }],
    ...[{ at: from + 700, waited: 7 + waited }, { at: from + 9000, waited: 7 + waited }],
  ];
  assert.equal(judge(late, PEOPLE, IDLE).latenessCertain.p99, 300);
  assert.equal(judge(late, PEOPLE, looks(100)).latenessCertain.p99, 200);
  assert.ok(judge(late, PEOPLE, looks(700)).latenessCertain.p99 <= 20);
  assert.equal(judge(late, PEOPLE, looks(700)).lateness.p99, 300);
});

test("the most that can have waited is told, and no more than there was time", () => {
  const looks = [{ at: 10, waited: 0 }, { at: 20, waited: 2 }, { at: 30, waited: 12 }, { at: 40, waited: 12 }];
  assert.equal(waitedBetween(looks, 12, 18), 2);
  assert.equal(waitedBetween(looks, 18, 22), 4, "it has no more than four");
  assert.equal(waitedBetween(looks, 31, 39), 0);
  assert.equal(waitedBetween(looks, 0, 99), 12);
});

const unsaid = existsSync(PRESSURE) ? false : "the kernel does not say what waits";
test("a machine whose processors are all taken keeps something waiting", { skip: unsaid }, async () => {
  const busy = Array.from({ length: 2 * availableParallelism() }, () => new Worker("for (;;);", { eval: true }));
  await Promise.all(busy.map((worker) => new Promise((online) => worker.once("online", online))));
  const machine = watchMachine();
  await new Promise((done) => setTimeout(done, 500));
  const looks = machine.stop();
  await Promise.all(busy.map((worker) => worker.terminate()));
  const waited = looks.at(-1).waited - looks[0].waited;
  assert.ok(waited > 100, `${waited} ms`);
});
