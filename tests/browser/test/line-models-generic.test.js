// Somebody who agreed to be learned is heard from the generic model at once by whoever is on a thin
// line, and raw by whoever is not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { spokenClip } from "../rig/media.js";
import { told, voiceOf } from "../rig/meeting-page.js";
import { makeLine, NODE_ADDRESS } from "../rig/netns.js";
import { startNode } from "../rig/node.js";

const ROOM = "thin";
const SIZE = { width: 1000, height: 640 };
const FREE = { down: { delayMs: 20 }, up: { delayMs: 20 } };
const THIN = { down: { rate: 50_000, queue: 12_000, delayMs: 20 }, up: { delayMs: 20 } };
/** What a line carries is found out within a minute beside other work. */
const FOUND_MS = 60_000;
/** Notes what the node says that the line to a page carries. */
const NOTE_LINE = `globalThis.carries = Infinity;
  globalThis.WebSocket = class extends WebSocket {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", ({ data }) => {
        const { type, estimate } = JSON.parse(data);
        if (type === "bandwidth") globalThis.carries = estimate;
      });
    }
  };`;

let node, line, speaking, near, far;
before(async () => {
  const environment = { SOTTO_MODELS_POLICY: "balanced" };
  [node, line] = await Promise.all([startNode({ name: "models-generic", address: NODE_ADDRESS, environment }), makeLine(FREE)]);
  [speaking, near, far] = await Promise.all([
    spokenClip().then((voice) => launch({ voice, secure: node.origin })),
    launch({ secure: node.origin }),
    line.launch(node),
  ]);
});
after(async () => {
  await Promise.all([speaking?.close(), near?.close(), far?.close()]);
  await line?.close();
  await node?.stop();
});

test("on a thin line a voice is heard from the generic model at once, and raw on a free one", { timeout: FOUND_MS + 60_000 }, async () => {
  const ada = await enter(speaking, "Ada");
  const bert = await enter(near, "Bert", "microphone");
  const cleo = await enter(far, "Cleo", "microphone");
  await voiceOf(cleo, "Ada", "raw").waitFor();
  await line.shape(THIN);
  await cleo.waitForFunction(() => globalThis.carries < 60_000, undefined, { timeout: FOUND_MS });

  await ada.getByTestId("models-microphone").check();
  const agreed = performance.now();
  await voiceOf(cleo, "Ada", "model").waitFor({ timeout: FOUND_MS });
  report("generic-voice", { heardMs: Math.round(performance.now() - agreed) });
  await told(ada, "microphone", "models.learning");
  // On a machine without time the other page reads its packets late, as behind a thin line.
  const carries = await bert.evaluate(() => globalThis.carries);
  const raw = await voiceOf(bert, "Ada", "raw").count();
  assert.ok(raw === 1 || carries < 75_000, `there is no model of her yet, and ${carries} bit/s are free`);
});

/** Somebody who is not seen, nor heard with `off`: pictures take time that voices need on a busy machine. */
async function enter(browser, name, ...off) {
  const page = await browser.open(`${node.origin}/room/${ROOM}`, { size: SIZE, scripts: [NOTE_LINE] });
  await page.getByTestId("join-name").fill(name);
  for (const device of ["camera", ...off]) {
    const toggle = page.getByTestId(`join-${device}`);
    await toggle.and(page.locator("[aria-checked=true]")).click();
    await toggle.and(page.locator("[aria-checked=false]")).waitFor();
  }
  await page.getByTestId("join-button").click();
  await page.getByTestId("leave").waitFor();
  await page.getByTestId("models-toggle").click();
  return page;
}
