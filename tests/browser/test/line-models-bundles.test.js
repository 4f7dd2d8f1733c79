// Bundles of many people in real browsers: whole, in time, and nobody taken for somebody else. (In a
// network of its own without shaped lines: on loopback Firefox makes no candidates.)

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, pageScripts } from "../rig/chromium.js";
import { percentile, report } from "../rig/figures.js";
import { launchFirefox, whyNoFirefox } from "../rig/firefox.js";
import { modelsAnswers, MODELS_PATH, modelsScripts, openModelsPage } from "../rig/models-page.js";
import { startNative } from "../rig/native.js";
import { NODE_ADDRESS } from "../rig/netns.js";
import { startNode, UNLIMITED } from "../rig/node.js";

/** From one bundle to the next, ms, where a line is not short; and what a busy machine adds. */
const FLUSH_MS = 40;
const SLACK_MS = 20;
const MEASURE_MS = 10_000;
/** More video slots make the offer of a Chromium longer than a message may be. */
const MOST_SLOTS = 20;
/** All tiles are to be in sight: nothing is sent for others. */
const TILE = { width: 120, height: 68 };
/** Payloads of one source in the time, all but those of the ends. */
const FEWEST = (MEASURE_MS / 80) * 0.9;
/** A browser whose model stream cannot travel in m-lines. */
const NO_TRANSFORM = "delete globalThis.RTCRtpScriptTransform;";

const noFirefox = whyNoFirefox();

let node, chromium, firefox, firefoxWithout;
before(async () => {
  node = await startNode({ name: "models-bundles", address: NODE_ADDRESS, environment: UNLIMITED });
  chromium = await launch({ secure: node.origin });
  if (noFirefox) return;
  firefox = await launchFirefox({ scripts: [...pageScripts, ...modelsScripts] });
  firefoxWithout = await launchFirefox({ scripts: [...pageScripts, ...modelsScripts, NO_TRANSFORM] });
});
after(async () => {
  await Promise.all([chromium?.close(), firefox?.close(), firefoxWithout?.close()]);
  await node?.stop();
});

const openChromium = (transport) => openModelsPage(chromium, node, { before: transport === "data" ? [NO_TRANSFORM] : [] });
const openFirefox = (transport) => (transport === "data" ? firefoxWithout : firefox).open(node, MODELS_PATH, modelsAnswers);

for (const [name, open, skip] of [["Chromium", openChromium, null], ["Firefox", openFirefox, noFirefox]]) {
  for (const [people, transport] of [[2, "rtp"], [9, "rtp"], [25, "rtp"], [9, "data"]]) {
    test(`bundles of ${people} people reach ${name} by ${transport}`, { skip: skip ?? false, timeout: 120_000 }, async () => {
      const room = `bundles-${name}-${people}-${transport}`;
      const natives = Array.from({ length: people }, (_, at) => startNative(node, { room, name: `N${at}`, arguments: ["--synthetic", "--models", "--audio-slots", "0", "--video-slots", "0"] }));
      try {
        await Promise.all(natives.map((native) => native.event(({ event }) => event === "joined", "joining")));
        const page = await open(transport);
        const token = await node.token(room, "Bob");
        const shown = Math.min(people, MOST_SLOTS);
        await page.evaluate((all) => enter(all), { signal: node.signal, token, audioSlots: 4, videoSlots: shown, policy: "frugal", tile: TILE });
        const seen = await page.evaluate((shown) => facesInModelForm(shown, 40_000), shown);
        const figures = await page.evaluate((ms) => readBundles(ms), MEASURE_MS);
        await page.evaluate(() => room.leave());
        const { lateness, ...counts } = figures;
        const p99 = percentile(lateness, 0.99);
        report(`a-models-bundles-${name}-${people}-${transport}`, { people, transport: figures.transport, seenMs: Math.round(seen), ...counts, latenessP50: Math.round(percentile(lateness, 0.5)), latenessP99: Math.round(p99) });
        assert.equal(figures.transport, transport);
        assert.equal(figures.faces, shown, "faces");
        assert.ok(figures.blocks >= shown * FEWEST, `${figures.blocks} blocks`);
        assert.equal(figures.misattributed, 0, "misattributed");
        assert.equal(figures.broken, 0, "broken");
        assert.ok(figures.lost <= figures.blocks * 0.001, `${figures.lost} of ${figures.blocks} lost`);
        assert.ok(p99 <= FLUSH_MS + SLACK_MS, `p99 ${p99}`);
      } finally {
        await Promise.all(natives.map((native) => native.leave()));
      }
    });
  }
}
