// What is made of counted frames, where the truth is known.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { longestSilence, rate } from "../rig/arrivals.js";
import { launch } from "../rig/chromium.js";
import { vp8Clip } from "../rig/media.js";
import { startNative } from "../rig/native.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { openSdkPage } from "../rig/sdk-page.js";

/** Looks at ten frames a second every 100 ms, but for `blind`; frames stop during `silent`. */
function series({ silent = [0, 0], blind = [0, 0], until = 4000 }) {
  const counted = [];
  let [frames, last] = [0, 0];
  for (let at = 0; at <= until; at += 100) {
    if (at < silent[0] || at >= silent[1]) {
      frames += 1;
      last = at;
    }
    if (at < blind[0] || at >= blind[1]) counted.push({ at, frames, last });
  }
  return counted;
}

test("a stall on the way is told in full", () => {
  assert.ok(longestSilence(series({ silent: [1000, 1700] }), series({})) >= 600);
});

test("a page that does not look proves nothing", () => {
  assert.ok(longestSilence(series({ blind: [1000, 1900] }), series({})) <= 100);
});

test("a sender that sends nothing is no stall on the way", () => {
  const stall = { silent: [1000, 1900] };
  assert.ok(longestSilence(series(stall), series(stall)) <= 100);
});

test("a sender that was not awake to count is believed to have sent nothing", () => {
  assert.ok(longestSilence(series({ silent: [1000, 1900] }), series({ blind: [900, 2000] })) <= 100);
});

test("a pause of the sender does not excuse a longer stall, nor one at another time", () => {
  const pausing = series({ silent: [1000, 1300] });
  assert.ok(longestSilence(series({ silent: [1000, 2200] }), pausing) >= 600);
  assert.ok(longestSilence(series({ silent: [2500, 3300] }), pausing) >= 600);
});

test("a silence that lasts to the end is counted, and the rate is that of what came", () => {
  assert.ok(longestSilence(series({ silent: [3000, 5000] })) >= 900);
  assert.equal(rate(series({})), 10);
});

let node, browser;
before(async () => {
  [node, browser] = await Promise.all([startNode({ name: "rig-arrivals", environment: UNLIMITED }), launch()]);
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

test("a node that stands still for 700 ms is found out", async () => {
  const room = "stall";
  const person = startNative(node, { room, name: "Ann", arguments: ["--publish-video", await vp8Clip(1)] });
  try {
    await person.event(({ event }) => event === "joined", "joining");
    const page = await openSdkPage(browser, node, { size: { width: 480, height: 360 } });
    const token = await node.token(room, "watcher");
    await page.evaluate((all) => enter(all), { signal: node.signal, token, audioSlots: 0, videoSlots: 1 });
    await page.waitForFunction(() => showsPicture("Ann"), undefined, { timeout: 30_000 });
    await page.evaluate(() => void (globalThis.arrivals = watchArrivals()));
    await node.stall(700);
    const longest = () => page.evaluate(() => arrivals.stop()).then(({ received }) => longestSilence(received.Ann));
    assert.ok((await longest()) > 500);
    await page.evaluate(() => room.leave());
    await page.close();
  } finally {
    await person.leave();
  }
});
