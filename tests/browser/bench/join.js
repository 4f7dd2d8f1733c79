// How long it takes to be there: 50 joins of a page, from opening the websocket to presenting the
// first decoded frame of somebody whose camera was already on.

import { launch } from "../rig/chromium.js";
import { percentile, report } from "../rig/figures.js";
import { vp8Clip } from "../rig/media.js";
import { startNative } from "../rig/native.js";
import { startNode } from "../rig/node.js";
import { openSdkPage } from "../rig/sdk-page.js";

const JOINS = 50;
const ROOM = "door";

const [node, browser] = await Promise.all([startNode({ name: "bench-join" }), launch()]);
const person = startNative(node, {
  room: ROOM,
  name: "Host",
  arguments: ["--publish-video", await vp8Clip(1)],
});
await person.event(({ event }) => event === "joined", "joining");
const times = [];
for (let join = 0; join < JOINS; join += 1) {
  const page = await openSdkPage(browser, node);
  const options = { signal: node.signal, token: await node.token(ROOM, `guest ${join}`) };
  times.push(await page.evaluate(timeToFirstFrame, options));
  await page.evaluate(() => room.leave());
  await page.close();
}
const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)].map(Math.round);
report("d-join-browser", { joins: JOINS, p50, p95, longest: Math.round(Math.max(...times)) });
await person.leave();
await browser.close();
await node.stop();

/** Runs in the page. */
async function timeToFirstFrame(options) {
  const shown = new Promise((resolve) => {
    const watch = () => {
      for (const video of document.querySelectorAll("video")) {
        if (video.dataset.watched) continue;
        video.dataset.watched = "yes";
        video.requestVideoFrameCallback((now) => resolve(now));
      }
    };
    new MutationObserver(watch).observe(document.body, { childList: true, subtree: true });
  });
  await enter({ ...options, audioSlots: 4, videoSlots: 9 });
  return (await shown) - seen.openedAt;
}
