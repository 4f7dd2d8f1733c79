// A meeting of four on the real page: two Chromium processes, a third person in a page of its
// own, and a native participant that decodes and comes late.
//
// What is held against node, network and client library is what arrives and is decoded. A machine
// that has no time for all these pages presents late, its own preview included: those figures are
// printed beside it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { longestSilence, rate } from "../rig/arrivals.js";
import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { VOICE_DB } from "../rig/identity.js";
import { opusClip, vp8Clip } from "../rig/media.js";
import { join, shoot } from "../rig/meeting-page.js";
import { startNative } from "../rig/native.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { deviceFiles, heardAs, painted, seenAs } from "../rig/people.js";

const ROOM = "lounge";
const RATE = 15;
/** Small windows: painting them is not what is tested, and there is no graphics processor. */
const SIZE = { width: 480, height: 360 };
const SECONDS = 30;
/** Pages of a loaded machine take their time to join; how long is measured elsewhere. */
const EVENTUALLY = { timeout: 30_000 };
/** Frames that may lie between the counts of two pages that were not asked at the same time. */
const ROUNDING = RATE / 2;
const PEOPLE = { Ada: 1, Bert: 2, Cleo: 3, Dora: 4 };

let node, first, second, ada, bert, cleo, dora;

before(async () => {
  [node, first, second] = await Promise.all([
    startNode({ name: "meeting", environment: UNLIMITED }),
    deviceFiles(PEOPLE.Ada).then(launch),
    deviceFiles(PEOPLE.Bert).then(launch),
  ]);
});
after(async () => {
  await dora?.leave();
  await Promise.all([first?.close(), second?.close()]);
  await node?.stop();
});

test("four people see and hear each other for 30 seconds, the last one comes late", async () => {
  const camera = { width: 640, height: 360, rate: RATE };
  [ada, bert, cleo] = await Promise.all([
    join(first, node, { room: ROOM, name: "Ada", devices: camera, size: SIZE }),
    join(second, node, { room: ROOM, name: "Bert", devices: camera, size: SIZE }),
    join(second, node, { room: ROOM, name: "Cleo", devices: painted(PEOPLE.Cleo, { rate: 10 }), size: SIZE }),
  ]);
  const pages = { Ada: ada, Bert: bert, Cleo: cleo };
  for (const [name, page] of Object.entries(pages)) {
    const others = Object.keys(pages).filter((other) => other !== name);
    await page.waitForFunction((names) => names.every(showsPicture), others, EVENTUALLY);
  }

  const [clip, voice] = await Promise.all([vp8Clip(PEOPLE.Dora), opusClip(PEOPLE.Dora)]);
  dora = startNative(node, {
    room: ROOM,
    name: "Dora",
    arguments: ["--publish-video", clip, "--publish-audio", voice, "--receive-decode"],
  });
  const late = await dora.event(({ event }) => event === "first_frame", "a first picture");
  for (const page of Object.values(pages)) {
    await page.waitForFunction(() => showsPicture("Dora"), undefined, EVENTUALLY);
  }

  const reports = await Promise.all(Object.values(pages).map((page) => observe(page, SECONDS)));
  await dora.leave();
  const { sent: sentByDora } = await dora.event(({ event }) => event === "summary", "its summary");
  // How long the machine had no time for her: no page watched her sending.
  const { behindMs } = sentByDora.find(({ source }) => source === "camera");
  const sent = Object.fromEntries(Object.keys(pages).map((name, i) => [name, reports[i].arrivals.sent]));
  await shoot(ada, "meeting-1280", { width: 1280, height: 800 });
  await shoot(ada, "meeting-390", { width: 390, height: 844 });

  const figures = Object.fromEntries(Object.keys(pages).map((name, i) => [name, summary(reports[i], sent)]));
  const counts = Object.fromEntries(Object.keys(pages).map((name, i) => [name, reports[i].counts]));
  const sentRates = Object.fromEntries(Object.entries(sent).map(([name, series]) => [name, rounded(rate(series))]));
  report("a-meeting", { late, sent: sentRates, behindMs, figures, counts });
  // When a whole picture was there; its decoder is a program of its own that has to start first.
  assert.ok(late.assembledMs <= 1000, `the late one had a picture after ${late.assembledMs} ms`);
  for (const [index, watcher] of Object.keys(pages).entries()) {
    const { tiles, ears, arrivals, offers } = reports[index];
    assert.equal(offers, 1, `${watcher} offered ${offers} times`);
    for (const [name, number] of Object.entries(PEOPLE).filter(([other]) => other !== watcher)) {
      const who = `${name} at ${watcher}: ${JSON.stringify({ sentRates, figures })}`;
      const [tile, ear, came] = [tiles[name], ears[name], arrivals.received[name]];
      assert.ok(tile && came, `no tile of ${who}`);
      const sentHere = sentRates[name] ?? RATE;
      // A page without processor time paints and sends few; what is judged is what becomes of them.
      assert.ok(sentHere >= 1, `frame rate sent by ${who}`);
      assert.ok(rate(came) >= 0.95 * sentHere - ROUNDING / SECONDS, `frames that came of ${who}`);
      // It also decodes fewer than come; one that has lost its references decodes keyframes alone.
      assert.ok(rate(came, ({ decoded }) => decoded) >= 0.25 * sentHere, `frames decoded of ${who}`);
      // Of one that sends few, one that is late is a longer silence.
      const patience = name in sent ? 2000 / sentHere : behindMs;
      assert.ok(longestSilence(came, sent[name]) <= 500 + patience, `freeze of ${who}`);
      assert.equal(seenAs(number, tile.identities), 1, `picture of ${who}`);
      assert.ok(ear, `no voice of ${who}`);
      assert.ok(heardAs(number, ear.pitches) >= 0.9, `voice of ${who}`);
      assert.ok(Math.abs(ear.decibels - VOICE_DB) <= 3, `loudness of ${who}`);
    }
  }
});

/** What a page receives, presents and plays over some seconds. */
function observe(page, seconds) {
  return page.evaluate(async (ms) => {
    const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
    const [tiles, ears] = [watchTiles(), await listenToSlots()];
    await wait(1500);
    tiles.reset();
    ears.reset();
    const arriving = watchArrivals();
    await wait(ms);
    const arrivals = await arriving.stop();
    const counts = await seen.videoCounts();
    const seenHere = { tiles: tiles.report(), ears: ears.report(), arrivals, counts, offers: seen.offers };
    tiles.stop();
    await ears.stop();
    return seenHere;
  }, seconds * 1000);
}

/** The same in few numbers. */
function summary({ tiles, ears, arrivals }, sent) {
  const names = new Set([...Object.keys(tiles), ...Object.keys(ears)]);
  const rows = [...names].map((name) => {
    const [tile, ear, came] = [tiles[name], ears[name], arrivals.received[name]];
    const number = PEOPLE[name];
    return [
      name,
      {
        cameFps: came && rounded(rate(came)),
        decodedFps: came && rounded(rate(came, ({ decoded }) => decoded)),
        silentMs: came && Math.round(longestSilence(came, sent[name])),
        presentedFps: tile && rounded(tile.rate),
        presentedGapMs: tile && Math.round(tile.longestGap),
        rightPicture: tile && seenAs(number, tile.identities),
        rightVoice: ear && Number(heardAs(number, ear.pitches).toFixed(2)),
        decibels: ear && rounded(ear.decibels),
      },
    ];
  });
  return Object.fromEntries(rows);
}

function rounded(value) {
  return Number(value.toFixed(1));
}
