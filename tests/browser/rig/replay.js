// Link profiles of the lab, replayed in real time: what a real subscriber's connection settles at.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { opusClip, vp8Clip } from "./media.js";
import { startNative } from "./native.js";
import { program } from "./paths.js";
import { openSdkPage } from "./sdk-page.js";

const run = promisify(execFile);
const SIZE = { width: 320, height: 180, rate: 15 };
/** Pictures of many sizes, so that nearly every rate can be filled: 2 Mbit/s together. */
const BITRATES = ["80k", "150k", "250k", "350k", "500k", "700k"];

/** Some of the lab's links (tests/lab/src/bandwidth/profile.rs): capacity as [second, kbit/s]. */
export const PROFILES = {
  drop: { capacity: [[0, 2000], [30, 300], [60, 2000]], queueMs: 300, delayMs: 25, seconds: 100 },
  dsl: { capacity: [[0, 300]], queueMs: 500, delayMs: 30, seconds: 60 },
  loss: { capacity: [[0, 2000]], queueMs: 300, delayMs: 40, loss: 0.05, seconds: 60 },
};

/** What the lab says of a profile: `{ settled_bps, queue_ms_p95, … }`. */
export async function inTheLab(profile) {
  const { stdout } = await run(program("sotto-lab"), ["bandwidth", "--json", "--profile", profile]);
  return JSON.parse(stdout).profiles[0];
}

/** Native people whose pictures fill a line, and one voice; `leave()` ends them. */
export async function fillRoom(node, room) {
  const people = await Promise.all(
    BITRATES.map(async (bitrate, index) => {
      const voice = index === 0 ? ["--publish-audio", await opusClip(1)] : [];
      const clip = await vp8Clip(index + 1, { ...SIZE, bitrate });
      return startNative(node, { room, name: `P${index}`, arguments: ["--publish-video", clip, ...voice] });
    }),
  );
  await Promise.all(people.map((person) => person.event(({ event }) => event === "joined", "joining")));
  return { leave: () => Promise.all(people.map((person) => person.leave())) };
}

/** A page that watches all of them, and notes every estimate of its bandwidth. */
export async function watchRoom(browser, node, { room, name }) {
  const page = await openSdkPage(browser, node, { size: { width: 1100, height: 500 } });
  const token = await node.token(room, name);
  await page.evaluate(() => {
    globalThis.estimates = [];
    seen.on((message) => {
      if (message.type === "bandwidth") estimates.push({ at: Date.now(), estimate: message.estimate });
    });
  });
  const options = { signal: node.signal, token, audioSlots: 1, videoSlots: BITRATES.length };
  await page.evaluate((all) => enter(all), options);
  await page.evaluate(() => timeUntil(async () => (await receivedIn("video")).some(({ decoded }) => decoded > 10)));
  return page;
}

/** Bytes of media that came so far. */
export async function bytesOf(page) {
  return page.evaluate(async () => {
    const rows = [...(await receivedIn("video")), ...(await receivedIn("audio"))];
    return rows.reduce((sum, { bytes }) => sum + bytes, 0);
  });
}

/** Shape of the way down at a moment of a profile. */
export function shapeAt({ capacity, queueMs, delayMs, loss = 0 }, second) {
  const [, kbits] = capacity.filter(([from]) => from <= second).at(-1);
  return { rate: kbits * 1000, queue: Math.max(1500, (kbits * queueMs) / 8), delayMs, loss };
}

/**
 * Lets `profile` pass over `line`, under which `page` watches: for each second the capacity, what
 * passed, the estimate at its end and the queue; and what it settled at in the last ten seconds.
 */
export async function replay(line, page, profile) {
  const seconds = [];
  await line.count();
  for (let second = 0; second < profile.seconds; second += 1) {
    const down = shapeAt(profile, second);
    if (profile.capacity.some(([from]) => from === second)) await line.shape({ down, up: { delayMs: profile.delayMs } });
    const began = performance.now();
    await new Promise((done) => setTimeout(done, 1000));
    const counted = (await line.count()).down;
    const estimate = await page.evaluate(() => estimates.at(-1)?.estimate ?? 0);
    const passed = Math.round((counted.passedBytes * 8000) / (performance.now() - began));
    seconds.push({ capacity: down.rate, passed, estimate, queueMsP95: counted.queueMsP95, overflowed: counted.overflowed });
  }
  const tail = seconds.slice(-10);
  const mean = (key) => Math.round(tail.reduce((sum, row) => sum + row[key], 0) / tail.length);
  const queues = seconds.map(({ queueMsP95 }) => queueMsP95).sort((a, b) => a - b);
  return {
    settledBps: mean("estimate"),
    passedBps: mean("passed"),
    downS: followed(seconds, profile, (row) => row.passed <= row.capacity * 1.05 && row.estimate <= row.capacity * 1.05, false),
    upS: followed(seconds, profile, (row) => row.estimate >= row.capacity * 0.8, true),
    queueMsP95: queues[Math.ceil(queues.length * 0.95) - 1],
    seconds,
  };
}

/** Whole seconds until the flow had followed each change of capacity in that direction, the start left out. */
function followed(seconds, { capacity }, good, upwards) {
  return capacity.slice(1).flatMap(([from, kbits], index) => {
    if (kbits > capacity[index][1] !== upwards) return [];
    const until = capacity[index + 2]?.[0] ?? seconds.length;
    const found = seconds.slice(from, until).findIndex(good);
    return [found < 0 ? null : found];
  });
}

/** Jain's index of fairness: 1 when all shares are equal, 1/n when one has everything. */
export function jain(shares) {
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0));
}
