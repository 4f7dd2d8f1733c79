// Lips and voice of one person in the four combinations of raw and model.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { median, percentile, report } from "../rig/figures.js";
import { timeTellers } from "../rig/models-room.js";
import { startNode, UNLIMITED } from "../rig/node.js";

/** How late a picture may be, and how late a voice: less is not noticed (ITU-R BT.1359-1 has 45 and 125 ms). */
const LATE_PICTURE_MS = 60;
const LATE_VOICE_MS = 125;
/** Time that the client library is given to bring a person into step. */
const SETTLE_MS = 8000;
const MEASURE_MS = 10_000;

let node, browser;
before(async () => {
  [node, browser] = await Promise.all([startNode({ name: "models-lips", environment: UNLIMITED }), launch()]);
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

for (const learn of [[], ["microphone"], ["camera"], ["microphone", "camera"]]) {
  const form = (source) => (learn.includes(source) ? "model" : "raw");
  test(`lips and voice are together: ${form("microphone")} voice, ${form("camera")} face`, { timeout: 90_000 }, async () => {
    const { bob, leave } = await timeTellers(browser, node, { room: `lips-${learn.join("-")}`, learn });
    const skews = await bob.evaluate(async ([settle, measure]) => {
      const wait = (ms) => new Promise((done) => setTimeout(done, ms));
      await wait(settle);
      const recording = await recordSound(room);
      const tile = watchTile(document.querySelector("figure"));
      await wait(measure);
      const heard = latencies(recording.stop());
      const seen = tile.stop().filter(({ latency }) => latency !== null);
      // Each half second, the middle of what was heard and of what was seen in it.
      const middle = (rows) => rows.map(({ latency }) => latency).sort((a, b) => a - b)[Math.floor(rows.length / 2)];
      const skews = [];
      for (let from = seen[0].at; from < seen.at(-1).at - 500; from += 500) {
        const inside = (rows) => rows.filter(({ at }) => at >= from && at < from + 500);
        const [sound, sight] = [inside(heard), inside(seen)];
        if (sound.length >= 8 && sight.length >= 4) skews.push(middle(sight) - middle(sound));
      }
      return skews;
    }, [SETTLE_MS, MEASURE_MS]);
    await leave();
    const sizes = skews.map(Math.abs);
    const p95 = percentile(sizes, 0.95);
    report(`d-models-lips-${form("microphone")}-${form("camera")}`, { p95: Math.round(p95), median: Math.round(median(skews)), count: skews.length });
    assert.ok(skews.length >= 6, `${skews.length} stretches could be measured`);
    // One page without processor time for a second is two of these; the figure above says what came of it.
    const shares = skews.map((skew) => (skew > 0 ? skew / LATE_PICTURE_MS : -skew / LATE_VOICE_MS));
    assert.ok(percentile(shares, 0.75) <= 1, JSON.stringify(skews.map(Math.round)));
  });
}
