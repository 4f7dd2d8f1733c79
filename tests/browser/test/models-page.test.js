// The meeting page learns who agrees to it, and lets go of what it learned.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { spokenClip } from "../rig/media.js";
import { join, shoot, told, voiceOf } from "../rig/meeting-page.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { painted } from "../rig/people.js";

const ROOM = "learned";
const SIZE = { width: 1000, height: 640 };
/** As where the processor lacks what the codec needs. */
const NO_DECODER = `WebAssembly.compile = () => Promise.reject(new WebAssembly.CompileError("no vectors"));`;
/**
 * Half a minute of speech is learned from, a slow machine takes its time, and a voice that does not find
 * a moment to change its form tries again after 2, 8 and 30 s.
 */
const LEARNED_MS = 150_000;

/** Hashes of copies of models on a page's disk. */
const copies = (page) =>
  page.evaluate(async () => (await (await caches.open("sotto-models")).keys()).map(({ url }) => url.split("/").at(-1)));

let node, speaking, listening, ada, bert, kept;
before(async () => {
  kept = mkdtempSync(path(tmpdir(), "sotto-kept-"));
  const environment = { ...UNLIMITED, SOTTO_MODELS_POLICY: "frugal", SOTTO_MODELS_KEPT_FOLDER: kept };
  [node, speaking, listening] = await Promise.all([
    startNode({ name: "models-page", environment }),
    spokenClip().then((voice) => launch({ voice })),
    launch(),
  ]);
});
after(async () => {
  await Promise.all([speaking?.close(), listening?.close()]);
  await node?.stop();
  rmSync(kept, { recursive: true, force: true });
});

test("somebody who agreed in the lobby is heard raw, and from a model once that is learned", { timeout: LEARNED_MS + 60_000 }, async () => {
  ada = await speaking.open(`${node.origin}/room/${ROOM}`, { size: SIZE });
  await ada.getByTestId("join-name").fill("Ada");
  for (const source of ["microphone", "camera"]) assert.equal(await ada.getByTestId(`learn-${source}`).isChecked(), false, source);
  await ada.getByTestId("learn-microphone").check();
  await ada.getByTestId("original-sound").check();
  await ada.getByTestId("join-button").click();
  await ada.getByTestId("models-toggle").click();
  bert = await join(listening, node, { room: ROOM, name: "Bert", size: SIZE, devices: painted(3) });
  await bert.getByTestId("models-toggle").click();

  assert.match(await voiceOf(bert, "Ada").innerText(), /as it is/);
  await told(ada, "microphone", "models.learning");
  assert.equal(await ada.getByTestId("models-camera-state").getAttribute("data-state"), "models.waiting");
  await voiceOf(bert, "Ada", "model").waitFor({ timeout: LEARNED_MS });
  await told(ada, "microphone", "models.sent");
  assert.equal(await bert.locator("[data-source=camera][data-form=model]").count(), 0, "a face was never agreed to");
  assert.deepEqual(await copies(bert), [], "nor to a copy of the voice");
  await Promise.all([shoot(ada, "models-own"), shoot(bert, "models-others")]);
});

test("somebody who wants it kept is heard from a model as soon as she is back", async () => {
  assert.deepEqual(readdirSync(kept), [], "nothing is kept of who did not ask for it");
  const stored = ada.waitForResponse((answer) => answer.request().method() === "PUT" && answer.url().includes("keep=true"));
  await ada.getByTestId("models-keep").check();
  assert.ok((await stored).ok());
  assert.equal(readdirSync(kept).length, 1);
  await until(async () => (await copies(bert)).length === 1);
  await ada.getByTestId("leave").click();
  await bert.getByTestId("models-forms").locator("li", { hasText: "Ada" }).waitFor({ state: "detached" });

  await ada.goto(`${node.origin}/room/${ROOM}`);
  assert.equal(await ada.getByTestId("learn-microphone").isChecked(), true, "remembered");
  await ada.getByTestId("join-button").click();
  await ada.getByTestId("leave").waitFor();
  const entered = performance.now();
  await ada.getByTestId("models-toggle").click();
  await told(ada, "microphone", "models.sent");
  const active = performance.now() - entered;
  await voiceOf(bert, "Ada", "model").waitFor({ timeout: 60_000 });
  report("returning-speaker", { activeMs: Math.round(active), heardMs: Math.round(performance.now() - entered) });
});

test("whoever was sent it comes back, and does not fetch it again", async () => {
  const fetched = [];
  bert.on("request", (request) => {
    if (request.method() === "GET" && /\/v1\/models\/[0-9a-f]{64}/.test(request.url())) fetched.push(request.url());
  });
  const held = await copies(bert);
  assert.equal(held.length, 1, "while she was away, too");
  await bert.getByTestId("leave").click();
  await bert.goto(`${node.origin}/room/${ROOM}`);
  await bert.getByTestId("join-button").click();
  await bert.getByTestId("models-toggle").click();
  await voiceOf(bert, "Ada", "model").waitFor({ timeout: 60_000 });
  assert.deepEqual(fetched, []);
  assert.deepEqual(await copies(bert), held);
});

test("a browser that cannot decode models is sent everybody as they are, and says why", async () => {
  const cleo = await listening.open(`${node.origin}/room/${ROOM}`, { size: SIZE, devices: painted(4), scripts: [NO_DECODER] });
  await cleo.getByTestId("join-name").fill("Cleo");
  await cleo.getByTestId("join-button").click();
  await cleo.getByTestId("models-toggle").click();
  await cleo.getByTestId("models-unusable").waitFor();
  await cleo.waitForFunction(async () => (await receivedIn("audio")).some(({ name, packets }) => name === "Ada" && packets > 20));
  assert.equal(await voiceOf(bert, "Ada", "model").count(), 1, "Bert goes on with the model");
  await cleo.getByTestId("leave").click();
});

test("taken back, it is raw again and forgotten", async () => {
  await ada.getByTestId("models-microphone").uncheck();
  await voiceOf(bert, "Ada", "raw").waitFor();
  await told(ada, "microphone", "models.waiting");
  const remembered = await ada.evaluate(() => Object.entries(localStorage).filter(([name]) => name.startsWith("sotto.learn")));
  assert.deepEqual(remembered, [["sotto.learnMicrophone", "false"]]);
  await until(() => readdirSync(kept).length === 0);
  await until(async () => (await copies(bert)).length === 0);
});

/** Looks until it is so: disks follow what is said. */
async function until(so) {
  const giveUp = performance.now() + 10_000;
  while (!(await so())) {
    assert.ok(performance.now() < giveUp, String(so));
    await new Promise((done) => setImmediate(done));
  }
}
