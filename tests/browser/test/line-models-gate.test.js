// What is there no longer fits the model: nobody is shown anything wrong, and raw media are there
// soon, also far away.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { playedAs, timeTellers } from "../rig/models-room.js";
import { makeLine, NODE_ADDRESS } from "../rig/netns.js";
import { startNode, UNLIMITED } from "../rig/node.js";

/** From the word of the gate until the raw form is played, ms, beside the round trip. */
const SOUND_LIMIT_MS = 150;
const PICTURE_LIMIT_MS = 300;

let node, near;
before(async () => {
  node = await startNode({ name: "models-gate", address: NODE_ADDRESS, environment: UNLIMITED });
  near = await launch({ secure: node.origin });
});
after(async () => {
  await near?.close();
  await node?.stop();
});

for (const roundTrip of [0, 80, 200]) {
  test(`a gate that trips brings raw media over a round trip of ${roundTrip} ms, and nothing wrong`, { timeout: 120_000 }, async () => {
    const delay = { delayMs: roundTrip / 2 };
    const line = await makeLine({ down: delay, up: delay });
    const far = await line.launch(node);
    try {
      const { ann, bob, leave } = await timeTellers(near, node, { room: `gate-${roundTrip}`, watcher: far });
      await new Promise((done) => setTimeout(done, 4000));
      await bob.evaluate(() => (globalThis.watching = watchTile(document.querySelector("figure"))));
      const spoiledAt = await ann.evaluate(() => {
        teller.spoil(true);
        return teller.spoiledAt;
      });
      for (const source of ["microphone", "camera"]) await playedAs(bob, source, "raw");
      await new Promise((done) => setTimeout(done, 1000));
      const gates = await ann.evaluate((from) => ownLog.filter(({ at, gate }) => at > from && gate === "red"), spoiledAt);
      const { forms, frames } = await bob.evaluate((from) => ({ forms: formLog.filter(({ at, form }) => at > from && form === "raw"), frames: watching.stop().filter(({ at }) => at > from) }), spoiledAt);
      await leave();
      const first = (rows, source) => rows.find((row) => row.source === source)?.at ?? Infinity;
      const wrong = frames.filter(({ form, spoiled, black }) => black || (form === "model" && spoiled));
      const took = (source) => Math.round(first(forms, source) - first(gates, source));
      const noticed = (source) => Math.round(first(gates, source) - spoiledAt);
      const figures = { roundTrip, sound: took("microphone"), picture: took("camera"), soundNoticed: noticed("microphone"), pictureNoticed: noticed("camera"), wrong: wrong.length, frames: frames.length };
      report(`c-models-gate-${roundTrip}`, figures);
      assert.equal(wrong.length, 0, JSON.stringify(wrong.slice(0, 3)));
      assert.ok(figures.sound <= SOUND_LIMIT_MS + roundTrip, JSON.stringify(figures));
      assert.ok(figures.picture <= PICTURE_LIMIT_MS + roundTrip, JSON.stringify(figures));
    } finally {
      await far.close();
      await line.close();
    }
  });
}
