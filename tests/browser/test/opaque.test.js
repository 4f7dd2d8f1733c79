// End-to-end encryption: the node forwards frames of which it can read no byte.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { rate } from "../rig/arrivals.js";
import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { heardAs, painted, seenAs } from "../rig/people.js";
import { openSdkPage } from "../rig/sdk-page.js";

const ROOM = "vault";
const RATE = 15;
/** Pages of a loaded machine take their time to open; how long is printed. */
const EVENTUALLY = { timeout: 30_000 };
const KEY = Array.from({ length: 16 }, (_, index) => index * 7 + 1);
const PEOPLE = { Eve: 5, Finn: 6 };

let node, browser;
before(async () => {
  [node, browser] = await Promise.all([startNode({ name: "opaque", environment: UNLIMITED }), launch()]);
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

test("encrypted frames are forwarded, decoded by those with the key alone, and by late ones at once", async () => {
  const eve = await enter("Eve", { key: KEY, publish: { audio: true, video: true } });
  const finn = await enter("Finn", { key: KEY, publish: { audio: true, video: true } });
  await finn.waitForFunction(() => showsPicture("Eve"), undefined, EVENTUALLY);
  await eve.waitForFunction(() => showsPicture("Finn"), undefined, EVENTUALLY);
  const stranger = await enter("Stranger", {});

  const began = Date.now();
  const late = await enter("Late", { key: KEY });
  await late.waitForFunction(() => showsPicture("Eve") && showsPicture("Finn"), undefined, EVENTUALLY);
  const lateMs = Date.now() - began;

  const [atEve, atFinn, atLate] = await Promise.all([eve, finn, late].map((page) => page.evaluate(observe, 8000)));
  const sent = { Eve: rate(atEve.arrivals.sent), Finn: rate(atFinn.arrivals.sent) };
  const decoded = await stranger.evaluate(framesDecoded);
  report("e-opaque", { lateMs, decodedWithoutKey: decoded, sent, atFinn: atFinn.tiles, atLate: atLate.tiles });
  for (const [at, names] of [[atFinn, ["Eve"]], [atLate, ["Eve", "Finn"]]]) {
    for (const name of names) {
      const tile = at.tiles[name];
      assert.ok(sent[name] >= RATE / 3, `${name} sent ${sent[name]} frames a second`);
      const decoded = rate(at.arrivals.received[name], (entry) => entry.decoded);
      assert.ok(decoded >= 0.8 * sent[name], `${decoded} of ${sent[name]} frames a second of ${name} were decoded`);
      assert.equal(seenAs(PEOPLE[name], tile.identities), 1, JSON.stringify(at));
      assert.ok(heardAs(PEOPLE[name], at.ears[name].pitches) >= 0.9, JSON.stringify(at));
    }
  }
  assert.ok(decoded.received > 0, "the stranger was sent nothing");
  assert.equal(decoded.decoded, 0, JSON.stringify(decoded));
});

async function enter(name, options) {
  const devices = name in PEOPLE ? painted(PEOPLE[name], { rate: RATE }) : {};
  const page = await openSdkPage(browser, node, { devices, size: { width: 800, height: 500 } });
  const token = await node.token(ROOM, name);
  await page.evaluate((all) => enter(all), {
    ...{ signal: node.signal, token, audioSlots: 2, videoSlots: 2 },
    ...options,
  });
  return page;
}

/** Runs in the page. */
async function observe(ms) {
  const [tiles, ears] = [watchTiles(), await listenToSlots()];
  const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
  await wait(1500);
  tiles.reset();
  ears.reset();
  const arriving = watchArrivals();
  await wait(ms);
  return { tiles: tiles.report(), ears: ears.report(), arrivals: await arriving.stop() };
}

/** Runs in the page: packets that came for video slots, and frames that a decoder made of them. */
async function framesDecoded() {
  const sums = { received: 0, decoded: 0 };
  for (const connection of seen.connections) {
    for (const stat of (await connection.getStats()).values()) {
      if (stat.type !== "inbound-rtp" || stat.kind !== "video") continue;
      sums.received += stat.packetsReceived;
      sums.decoded += stat.framesDecoded;
    }
  }
  return sums;
}
