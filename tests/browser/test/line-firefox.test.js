// Firefox sends several layers of VP8. (In a network of its own without shaped lines: on loopback
// Firefox makes no candidates.)

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, pageScripts } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { launchFirefox, whyNoFirefox } from "../rig/firefox.js";
import { NODE_ADDRESS } from "../rig/netns.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { subscriber, until } from "../rig/quality.js";

const missing = whyNoFirefox();
const LARGE = { width: 640, height: 480 };

let node, firefox, chromium;
before(async () => {
  if (missing) return;
  node = await startNode({ name: "firefox", address: NODE_ADDRESS, environment: UNLIMITED });
  [firefox, chromium] = await Promise.all([launchFirefox({ scripts: pageScripts }), launch({ secure: node.origin })]);
});
after(async () => {
  await Promise.all([firefox?.close(), chromium?.close()]);
  await node?.stop();
});

test("VP8 simulcast of Firefox reaches a Chromium in two sizes", { skip: missing ?? false, timeout: 120_000 }, async () => {
  const room = "fox";
  const fox = await firefox.openSdkPage(node);
  const token = await node.token(room, "Fox");
  const publish = { audio: true, video: { width: LARGE.width, height: LARGE.height } };
  await fox.evaluate((all) => enter(all), { signal: node.signal, token, audioSlots: 1, videoSlots: 1, publish });
  const bert = await subscriber(chromium, node, { room, name: "Bert", tile: LARGE });
  const large = await until(bert, (row) => row.codec === "vp8" && row.width === 640, { limit: 60_000 });
  const sent = await fox.evaluate(() => sentVideo());
  await bert.evaluate(() => {
    const video = document.querySelector("video");
    Object.assign(video.style, { width: "160px", height: "120px" });
  });
  const small = await until(bert, (row) => row.width > 0 && row.width <= 320, { limit: 60_000 });
  const layers = sent.map(({ rid, width, height, frames }) => ({ rid, width, height, frames }));
  report("a-firefox", { layers, largeMs: Math.round(large.ms), smallMs: Math.round(small.ms), small: small.found.width });
  assert.ok(layers.filter(({ frames }) => frames > 0).length >= 2, JSON.stringify(layers));
  await bert.evaluate(() => room.leave());
  await fox.evaluate(() => room.leave());
});
