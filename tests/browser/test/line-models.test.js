// Model frames over lines that lose packets: of everybody's payloads nearly all arrive, whole and
// under the right name. Native participants: what is judged is the node's repair, not a browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { report } from "../rig/figures.js";
import { startNative } from "../rig/native.js";
import { makeLine, NODE_ADDRESS } from "../rig/netns.js";
import { startNode } from "../rig/node.js";

const PEOPLE = 3;
const SECONDS = 25;
/** Of payloads that never came, at most so many, by round trip in ms: asking again takes too long on a long way. */
const LIMITS = { 30: 0.01, 200: 0.02 };

let line;
let node;
before(async () => {
  line = await makeLine();
  node = await startNode({
    name: "line-models",
    address: NODE_ADDRESS,
    environment: { SOTTO_MODELS_POLICY: "frugal" },
  });
});
after(async () => {
  await node?.stop();
  await line?.close();
});

for (const [roundTrip, limit] of Object.entries(LIMITS)) {
  test(`of 10 % losses ${roundTrip} ms away little remains of models`, { timeout: 120_000 }, async () => {
    const room = `far-${roundTrip}`;
    const people = startNative(node, {
      room,
      name: "person",
      arguments: ["--swarm", String(PEOPLE), "--together", "--synthetic", "--models", "stamps", "--audio-slots", "0", "--video-slots", "0"],
    });
    await people.event(({ event }) => event === "gathered", "everybody");
    const far = { delayMs: roundTrip / 2 };
    await line.shape({ down: far, up: far });
    const watcher = startNative(node, { room, name: "watcher", behind: line, arguments: ["--show-models", "--duration", String(SECONDS + 12)] });
    try {
      const settled = ({ event, models }) => {
        const forms = models?.forms ?? [];
        return event === "stats" && forms.length === 2 * PEOPLE && forms.every(({ form, overlap }) => form === "model" && !overlap);
      };
      await watcher.event(settled, "everybody in model form", 30_000);
      const clean = last(watcher, "stats").models;
      await line.shape({ down: { ...far, loss: 0.1 }, up: { ...far, loss: 0.1 } });
      await line.count();
      await new Promise((done) => setTimeout(done, SECONDS * 1000));
      const counted = await line.count();
      const until = last(watcher, "stats").seconds;
      const { models } = await watcher.event(({ event, seconds }) => event === "stats" && seconds > until, "figures");
      const came = models.entries.received - clean.entries.received;
      const lost = models.entries.lost - clean.entries.lost;
      const figures = {
        lossOfLine: counted.down.lost / counted.down.packets,
        received: came,
        lost,
        lostShare: lost / (came + lost),
        paused: models.entries.paused,
        repaired: models.bundles.repaired,
        repeats: models.entries.repeats,
        misattributed: models.entries.misattributed,
        lateMs: models.lateMs,
      };
      report(`b-models-${roundTrip}`, figures);
      const told = JSON.stringify(figures);
      assert.ok(figures.lossOfLine > 0.05 && came > 12 * SECONDS, told);
      assert.equal(models.entries.misattributed + models.bundles.malformed, 0, told);
      assert.ok(figures.lostShare <= limit, told);
    } finally {
      await watcher.leave();
      await people.leave();
    }
  });
}

function last(native, kind) {
  return native.events.findLast(({ event }) => event === kind);
}
