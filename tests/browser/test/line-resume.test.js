// Connections that break, networks that change, and a node that is restarted: everybody is in the room
// again by itself, as the same participant, and nobody is seen to leave.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { cameraClip } from "../rig/media.js";
import { makeLine, NODE_ADDRESS } from "../rig/netns.js";
import { startNode } from "../rig/node.js";
import { openSdkPage } from "../rig/sdk-page.js";

const SIZE = { width: 320, height: 180 };
const PORTS = { http: 8091, udp: 8092 };
const LINE = { down: { delayMs: 10 }, up: { delayMs: 10 } };
const AWAY_MS = 10_000;
/** A websocket that finds no node is a fault to a browser's console. */
const EXPECTED = /^WebSocket connection to .* failed/;
/** How long the pictures may take, in ms: two seconds behind a silence, one at a change of addresses and
 * five behind a restart are the aims, which a busy machine may miss; it never takes the half minute in
 * which a participant is given up. */
const PATIENCE_MS = 10_000;

let node, line, near, far;
before(async () => {
  const camera = await cameraClip(1, SIZE);
  [node, line] = await Promise.all([start(), makeLine(LINE)]);
  [near, far] = await Promise.all([launch({ camera, secure: node.origin }), line.launch(node, { camera })]);
});
after(async () => {
  await Promise.all([near?.close(), far?.close()]);
  await line?.close();
  await node?.stop();
});

function start() {
  return startNode({ name: "line-resume", address: NODE_ADDRESS, ports: PORTS });
}

/** Somebody with a camera who sees one other, on a page that notes what it is told and shown. */
async function enter(browser, room, name) {
  const page = await openSdkPage(browser, node, { devices: { ...SIZE, rate: 30 }, expected: EXPECTED });
  const token = await node.token(room, name);
  const id = await page.evaluate(
    async ({ signal, token }) => {
      const id = await enter({ signal, token, audioSlots: 0, videoSlots: 1, publish: { video: true } });
      globalThis.told = [];
      for (const event of ["participantJoined", "participantReturned", "participantLeft"]) {
        room.on(event, ({ participant }) => told.push(`${event} ${participant.identity}`));
      }
      room.on("state", ({ state }) => told.push(state));
      globalThis.shown = [];
      const video = document.querySelector("video");
      const note = (now) => {
        shown.push(now);
        video.requestVideoFrameCallback(note);
      };
      video.requestVideoFrameCallback(note);
      return id;
    },
    { signal: node.signal, token },
  );
  return { page, id };
}

/** Bert beside the node and Cleo behind the line, who see one another. */
async function meet(room) {
  const people = [await enter(near, room, "Bert"), await enter(far, room, "Cleo")];
  for (const { page } of people) {
    await page.waitForFunction(() => shown.length > 30, undefined, { timeout: 30_000 });
    await page.evaluate(() => told.splice(0));
  }
  return people;
}

/** How long after `since` (ms of the page's clock) the picture moves steadily again. */
async function movesAgain(page, since, limit) {
  await page.waitForFunction((since) => shown.filter((at) => at > since).length > 10, since, { timeout: limit, polling: 50 });
  return page.evaluate((since) => Math.round(shown.find((at) => at > since) - since), since);
}

const now = (page) => page.evaluate(() => performance.now());

/** The longest time without a new picture since then. */
function longestPause(page, since) {
  return page.evaluate((since) => {
    const times = [since, ...shown.filter((at) => at > since), performance.now()];
    return Math.round(Math.max(...times.slice(1).map((at, i) => at - times[i])));
  }, since);
}

async function everybodyLeaves(...people) {
  for (const { page } of people) {
    await page.evaluate(() => room.leave());
    await page.close();
  }
}

const told = ({ page }) => page.evaluate(() => told.splice(0));
const id = ({ page }) => page.evaluate(() => room.local.id);

async function away(name, cut, mend) {
  const [bert, cleo] = await meet(name);
  await cut();
  await new Promise((done) => setTimeout(done, AWAY_MS));
  const back = await Promise.all([now(bert.page), now(cleo.page)]);
  await mend();
  const [atBert, atCleo] = await Promise.all([movesAgain(bert.page, back[0], 30_000), movesAgain(cleo.page, back[1], 30_000)]);
  await cleo.page.waitForFunction(() => room.state === "connected", undefined, { timeout: 10_000 });
  const figures = { awayMs: AWAY_MS, backAtBertMs: atBert, backAtCleoMs: atCleo, bertHeard: await told(bert), cleoHeard: await told(cleo) };
  report(`a-resume-${name}`, figures);
  const said = JSON.stringify(figures);
  assert.equal(await id(cleo), cleo.id, said);
  assert.equal(figures.bertHeard.filter((event) => event.includes("participant")).length, 0, said);
  assert.equal(figures.cleoHeard.filter((event) => event.includes("participant")).length, 0, said);
  assert.ok(Math.max(atBert, atCleo) <= PATIENCE_MS, said);
  await everybodyLeaves(bert, cleo);
}

test("a line that is silent for ten seconds: pictures move again when it is back, and nobody left", { timeout: 120_000 }, () =>
  away("silent", () => line.shape({ down: { loss: 1 }, up: { loss: 1 } }), () => line.shape(LINE)),
);

test("an interface that is down for ten seconds: the same", { timeout: 120_000 }, () =>
  away("pulled", () => line.connected(false), () => line.connected(true)),
);

test("another address in the middle: pictures go on", { timeout: 120_000 }, async () => {
  const [bert, cleo] = await meet("address");
  const since = await Promise.all([now(bert.page), now(cleo.page)]);
  await line.readdress();
  await new Promise((done) => setTimeout(done, 8000));
  const [atBert, atCleo] = await Promise.all([longestPause(bert.page, since[0]), longestPause(cleo.page, since[1])]);
  const figures = { pauseAtBertMs: atBert, pauseAtCleoMs: atCleo, bertHeard: await told(bert), cleoHeard: await told(cleo) };
  report("a-resume-address", figures);
  const said = JSON.stringify(figures);
  assert.equal(await id(cleo), cleo.id, said);
  assert.deepEqual(figures.bertHeard, [], said);
  assert.ok(Math.max(atBert, atCleo) <= PATIENCE_MS, said);
  await everybodyLeaves(bert, cleo);
});

test("a node that crashes and starts again: everybody is back by itself, and nobody left", { timeout: 120_000 }, async () => {
  const [bert, cleo] = await meet("restart");
  await node.crash();
  node = await start();
  const up = await Promise.all([now(bert.page), now(cleo.page)]);
  const [atBert, atCleo] = await Promise.all([movesAgain(bert.page, up[0], 30_000), movesAgain(cleo.page, up[1], 30_000)]);
  const figures = { backAtBertMs: atBert, backAtCleoMs: atCleo, bertHeard: await told(bert), cleoHeard: await told(cleo) };
  report("a-resume-restart", figures);
  const said = JSON.stringify(figures);
  assert.deepEqual([await id(bert), await id(cleo)], [bert.id, cleo.id], said);
  for (const heard of [figures.bertHeard, figures.cleoHeard]) {
    assert.ok(!heard.some((event) => event.startsWith("participantLeft") || event.startsWith("participantJoined")), said);
  }
  assert.ok(Math.max(atBert, atCleo) <= PATIENCE_MS, said);
  await everybodyLeaves(bert, cleo);
});
