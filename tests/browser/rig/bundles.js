// What the blocks of page/bundles.js prove: whether they are whole, whose they say they are, whether
// one is missing, and how long they were on their way.
//
// Publishers, node and page are processes of one machine and read one clock. A machine without time is
// no fault of theirs: from the lateness of each entry, the time is taken off in which anything waited for
// a processor while it was on its way. What is left is late for certain.

import { percentile } from "./figures.js";
import { waitedBetween } from "./machine.js";

/** Length of the media of a packet, ms. */
export const PACKET_MS = 80;
/** Of the native participants who talk in turns: length of a turn, and voices of one. */
export const TURN_MS = 800;
export const VOICES = 5;
/** Numbers of payloads have 16 bits, media times in bundles too. */
const WRAP = 65_536;
const PICTURES = 8;
/** A bundle may be late because the one before it was, so much earlier, ms. */
const BEFORE_MS = 40;

/** `rows` of a page, `people` as `[{ name: "…-3", shortId }]`, and `looks` at the machine (machine.js). */
export function judge(rows, people, looks) {
  const known = new Map(people.map(({ name, shortId }) => [shortId, Number(name.split("-").at(-1))]));
  const turns = Math.ceil(people.length / VOICES);
  const own = (row) => row.mark !== null && known.has(row.participant) && row.mark.participant === row.participant;
  const good = rows.filter(own).map((row) => ({ ...row, ...timesOf(row) }));
  const faces = [...streams(good.filter(({ plugin }) => plugin >= PICTURES)).values()];
  const voices = [...streams(good.filter(({ plugin }) => plugin < PICTURES))];
  const talks = (who, media) => Math.floor(media / TURN_MS) % turns === Math.floor(known.get(who) / VOICES);
  // Voices beyond five are left out by the node: only what lies within one turn can be missing.
  const voiceGaps = voices.flatMap(([who, blocks]) =>
    gaps(blocks).filter(({ from, to }) => sameTurn(from.end, to.end) && talks(who, from.end)),
  );
  return {
    entries: rows.length,
    broken: rows.filter(({ mark }) => mark === null).length,
    misattributed: rows.filter((row) => row.mark !== null && !own(row)).length,
    misnumbered: misnumbered(faces) + misnumbered(voices.map(([, blocks]) => blocks)),
    lostOfFaces: sum(faces.flatMap(gaps).map(({ missing }) => missing)),
    lostOfVoices: sum(voiceGaps.map(({ missing }) => missing)),
    faces: faces.length,
    voices: voices.length,
    lateness: spread(good.map(({ sent, at }) => at - sent)),
    latenessCertain: spread(good.map(({ sent, at }) => Math.max(0, at - sent - waitedBetween(looks, sent - BEFORE_MS, at)))),
    sinceCaptureEnd: spread(good.map(({ end, at }) => at - end)),
  };
}

/** When the media of a block ended, and when its publisher sent it: ms since 1970. */
function timesOf({ media, at, mark }) {
  const end = nearest(media + PACKET_MS, at, WRAP);
  return { end, sent: nearest(mark.sent, end, mark.wrap) };
}

/** Blocks by person, in the order of their media. */
function streams(rows) {
  const people = new Map();
  for (const row of [...rows].sort((a, b) => a.end - b.end)) {
    people.set(row.participant, [...(people.get(row.participant) ?? []), row]);
  }
  return people;
}

/** Where numbers are left out, and how many. */
function gaps(blocks) {
  return pairs(blocks)
    .map(([from, to]) => ({ from, to, missing: steps(from, to) - 1 }))
    .filter(({ missing }) => missing > 0);
}

/** Blocks whose number is not that of their time. */
function misnumbered(people) {
  return people.flatMap(pairs).filter(([from, to]) => steps(from, to) !== Math.round((to.end - from.end) / PACKET_MS)).length;
}

function steps(from, to) {
  return (to.mark.counter - from.mark.counter + WRAP) % WRAP;
}

function pairs(blocks) {
  return blocks.slice(1).map((block, index) => [blocks[index], block]);
}

function sameTurn(a, b) {
  return Math.floor(a / TURN_MS) === Math.floor(b / TURN_MS);
}

function spread(values) {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => Math.round(percentile(values, share) ?? 0));
  return { count: values.length, p50, p99, max };
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** The time with these low bits that is nearest to `near`. */
function nearest(low, near, wrap) {
  return low + Math.round((near - low) / wrap) * wrap;
}
