// People come and go, and slots are pointed here and there, while one browser stays.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { vp8Clip } from "../rig/media.js";
import { startNative } from "../rig/native.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { openSdkPage } from "../rig/sdk-page.js";

const SWITCHES = 200;
const PUBLISHERS = 8;
const SWARM = 50;

let node, browser;

before(async () => {
  [node, browser] = await Promise.all([startNode({ name: "switching", environment: UNLIMITED }), launch()]);
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

test("200 slot switches show no frame under a wrong name", { timeout: 90_000 }, async () => {
  const room = "carousel";
  const clip = { width: 160, height: 90, rate: 15, bitrate: "80k" };
  const people = await Promise.all(
    Array.from({ length: PUBLISHERS }, async (_, index) => {
      const number = 10 + index;
      const file = await vp8Clip(number, clip);
      return startNative(node, { room, name: `P${number}`, arguments: ["--publish-video", file] });
    }),
  );
  try {
    await Promise.all(people.map((person) => person.event(({ event }) => event === "joined", "joining")));
    const page = await openSdkPage(browser, node);
    await enter(page, { room, name: "watcher", audioSlots: 0, videoSlots: 2 });
    const shown = await page.evaluate(switchAround, { switches: SWITCHES, publishers: PUBLISHERS });
    report("b-switches", shown);
    assert.ok(shown.switches >= SWITCHES, JSON.stringify(shown));
    assert.ok(shown.framesWithName > shown.switches, JSON.stringify(shown));
    assert.deepEqual(shown.wrong, []);
    assert.equal(shown.offers, 1);
    await page.evaluate(() => room.leave());
    await page.close();
  } finally {
    await Promise.all(people.map((person) => person.leave()));
  }
});

test("50 people join and leave without one renegotiation, and the tiles follow", { timeout: 90_000 }, async () => {
  const room = "station";
  const page = await openSdkPage(browser, node);
  await enter(page, { room, name: "stayer", audioSlots: 4, videoSlots: 9 });
  await page.evaluate(() => void (globalThis.following = followRoster()));
  const swarm = startNative(node, {
    room,
    name: "swarm",
    arguments: ["--swarm", String(SWARM), "--synthetic", "--duration", "30"],
  });
  await swarm.event(({ event }) => event === "summary", "its summary", 60_000);
  await page.waitForFunction(() => room.participants.size === 0, undefined, { timeout: 30_000 });
  const followed = await page.evaluate(() => following.stop());
  report("b-swarm", followed);
  await swarm.leave();
  assert.equal(followed.offers, 1);
  assert.ok(followed.joined >= SWARM, JSON.stringify(followed));
  assert.equal(followed.left, followed.joined);
  assert.ok(followed.assignments >= SWARM, JSON.stringify(followed));
  assert.ok(followed.mostFilled === 9, JSON.stringify(followed));
  assert.deepEqual(followed.strangers, []);
  assert.equal(followed.filledAtTheEnd, 0);
});

async function enter(page, { room, name, ...options }) {
  const token = await node.token(room, name);
  await page.evaluate((all) => enter(all), { signal: node.signal, token, ...options });
}

/** Runs in the page: pins pairs of people in turn, and compares each frame with its label. */
async function switchAround({ switches, publishers }) {
  const labels = () => [...document.querySelectorAll('[data-testid="tile-label"]')];
  const shown = { switches: 0, frames: 0, framesWithName: 0, unreadable: 0, wrong: [], offers: 0, switchMs: [] };
  const last = new Map();
  const current = new Map();
  for (const tile of document.querySelectorAll('[data-testid="tile"]')) {
    const [video, label] = [tile.querySelector("video"), tile.querySelector("figcaption")];
    watchFrames(video, () => label.textContent || null, ({ label: name, identity, rtpTimestamp }) => {
      shown.frames += 1;
      if (identity === null) shown.unreadable += 1;
      if (name === null || identity === null) return;
      shown.framesWithName += 1;
      current.set(tile.dataset.mid, name);
      if (last.has(tile.dataset.mid) && last.get(tile.dataset.mid) !== name) shown.switches += 1;
      last.set(tile.dataset.mid, name);
      if (name !== `P${identity}`) shown.wrong.push({ mid: tile.dataset.mid, name, identity, rtpTimestamp });
    });
  }
  const until = async (what, condition) => {
    const end = performance.now() + 30_000;
    while (!condition()) {
      if (performance.now() > end) throw new Error(`${what}: ${JSON.stringify({ ...shown, labels: labels().map((l) => l.textContent), slots: [...seen.slots] })}`);
      await new Promise((done) => requestAnimationFrame(done));
    }
  };
  const everyone = () => [...room.participants.values()].filter(({ tracks }) => tracks.length > 0);
  await until("publishers", () => everyone().length >= publishers);
  const people = everyone().sort((a, b) => a.name.localeCompare(b.name));
  for (let turn = 0; shown.switches < switches; turn += 1) {
    // Two different people, each time other ones than before, sometimes changing places.
    const pair = [people[(turn * 3) % people.length], people[(turn * 3 + 1 + (turn % 5)) % people.length]];
    const began = performance.now();
    room.setView({ mode: "grid", tiles: 2, pins: pair.map(({ id }) => id) });
    await until(`turn ${turn} to ${pair.map(({ name }) => name)}`, () => {
      const names = [...current.values()];
      return pair.every(({ name }) => names.includes(name));
    });
    shown.switchMs.push(Math.round(performance.now() - began));
  }
  // Whose frame it was by the node's word, which may come after the frame.
  const ownerOf = ({ mid, rtpTimestamp }) => {
    const begun = seen.begun.filter((one) => one.mid === mid && ((rtpTimestamp - one.rtpTimestamp) | 0) >= 0);
    return begun.length > 0 ? seen.nameOf(begun.at(-1).shortId) : null;
  };
  for (const frame of shown.wrong) frame.owner = ownerOf(frame);
  shown.offers = seen.offers;
  const sorted = shown.switchMs.sort((a, b) => a - b);
  shown.switchMs = { p50: sorted[sorted.length >> 1], p95: sorted[Math.floor(sorted.length * 0.95)] };
  return shown;
}
