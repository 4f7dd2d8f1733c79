// The node learns who agrees to it, of what they send raw; their browsers use what it learned.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { spokenClip } from "../rig/media.js";
import { join, shoot, told, voiceOf } from "../rig/meeting-page.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { painted } from "../rig/people.js";

const ROOM = "learned-there";
const SIZE = { width: 1000, height: 640 };
/** As in models-page.test.js. */
const LEARNED_MS = 150_000;

let node, speaking, listening, ada, bert;
before(async () => {
  const environment = { ...UNLIMITED, SOTTO_MODELS_POLICY: "frugal", SOTTO_MODELS_LEARN: "node" };
  [node, speaking, listening] = await Promise.all([
    startNode({ name: "models-node", environment }),
    spokenClip().then((voice) => launch({ voice })),
    launch(),
  ]);
});
after(async () => {
  await Promise.all([speaking?.close(), listening?.close()]);
  await node?.stop();
});

test("a voice that the node learned is fetched by its own browser, and heard from its model", { timeout: LEARNED_MS + 60_000 }, async () => {
  ada = await speaking.open(`${node.origin}/room/${ROOM}`, { size: SIZE });
  await ada.getByTestId("join-name").fill("Ada");
  await ada.getByTestId("learn-microphone").check();
  await ada.getByTestId("original-sound").check();
  const own = (method) => (request) => request.method() === method && /\/v1\/models\/[0-9a-f]{64}/.test(request.url());
  const fetched = ada.waitForRequest(own("GET"), { timeout: LEARNED_MS });
  const uploaded = ada.waitForRequest(own("PUT"), { timeout: LEARNED_MS });
  const entered = performance.now();
  await ada.getByTestId("join-button").click();
  await ada.getByTestId("models-toggle").click();
  bert = await join(listening, node, { room: ROOM, name: "Bert", size: SIZE, devices: painted(3) });
  await bert.getByTestId("models-toggle").click();

  await told(ada, "microphone", "models.learningThere");
  assert.match(await voiceOf(bert, "Ada").innerText(), /as it is/);
  await voiceOf(bert, "Ada", "model").waitFor({ timeout: LEARNED_MS });
  await told(ada, "microphone", "models.sent");
  report("learned-on-the-node", { heardMs: Math.round(performance.now() - entered) });
  const [model, put] = [await fetched, await uploaded].map((request) => new URL(request.url()).pathname);
  assert.equal(put, model, "what was fetched is used");
  assert.equal((await uploaded).postDataBuffer(), null, "and is not sent again");
  await shoot(ada, "models-node");
});

test("taken back, it is raw again, and nothing is learned any more", async () => {
  await ada.getByTestId("models-microphone").uncheck();
  await voiceOf(bert, "Ada", "raw").waitFor();
  await told(ada, "microphone", "models.waiting");
});
