// The ruler for lips and voice, held against offsets that are known.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { median } from "../rig/figures.js";

const WHERE = "http://localhost/ruler";
const PAGE = `<!doctype html><title>ruler</title><video autoplay playsinline muted></video><audio autoplay></audio>
<script>
  globalThis.measure = async (late, seconds) => {
    const made = await flashAndBeep({ late });
    const flashes = [], beeps = [];
    document.querySelector("video").srcObject = new MediaStream([made.video]);
    document.querySelector("audio").srcObject = new MediaStream([made.audio]);
    const stops = [
      watchFlashes(document.querySelector("video"), (ms) => flashes.push(ms)),
      watchBeeps(made.audio, (ms) => beeps.push(ms), made.outputLatency),
    ];
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    for (const stop of [...stops, made.stop]) stop();
    return skews(flashes, beeps);
  };
</script>`;

let browser;
let page;
before(async () => {
  browser = await launch();
  page = await browser.open(WHERE, { html: PAGE });
});
after(() => browser?.close());

for (const late of [-150, 0, 150]) {
  test(`a beep that comes ${late} ms after its flash is measured as such`, async () => {
    const skews = await page.evaluate((ms) => measure(ms, 7), late);
    const middle = median(skews);
    console.log(`FIGURE: ${JSON.stringify({ ruler: late, median: Math.round(middle), skews: skews.map(Math.round) })}`);
    assert.ok(skews.length >= 4, String(skews));
    assert.ok(Math.abs(middle - late) < 30, String(skews));
  });
}
