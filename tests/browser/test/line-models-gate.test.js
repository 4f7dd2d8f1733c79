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
/** For so long both are in model form before the gate trips: nothing raw is on its way then. */
const QUIET_MS = 2000;

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
      // Without processor time a form may fall for another reason, and come again.
      await bob.evaluate(async (quiet) => {
        await heldAs("model", quiet);
        globalThis.watching = watchTile(document.querySelector("figure"));
      }, QUIET_MS);
      const spoiledAt = await ann.evaluate(() => {
        teller.spoil(true);
        return teller.spoiledAt;
      });
      for (const source of ["microphone", "camera"]) await playedAs(bob, source, "raw");
      await new Promise((done) => setTimeout(done, 1000));
      const gates = await ann.evaluate((from) => ownLog.filter(({ at, gate }) => at > from && gate === "red"), spoiledAt);
      const { forms, frames } = await bob.evaluate((from) => ({ forms: formLog, frames: watching.stop().filter(({ at }) => at > from) }), spoiledAt);
      await leave();
      const wrong = frames.filter(({ form, spoiled, black }) => black || (form === "model" && spoiled));
      const trippedAt = (source) => gates.find((row) => row.source === source)?.at ?? Infinity;
      // Since when what is played now is: whoever heard or saw raw media before the gate tripped waits for nothing.
      const rawAt = (source) => {
        const rows = forms.filter((row) => row.source === source);
        return rows[rows.findLastIndex(({ form }) => form !== "raw") + 1].at;
      };
      const took = (source) => Math.max(0, Math.round(rawAt(source) - trippedAt(source)));
      const noticed = (source) => Math.round(trippedAt(source) - spoiledAt);
      const figures = { roundTrip, sound: took("microphone"), picture: took("camera"), soundNoticed: noticed("microphone"), pictureNoticed: noticed("camera"), wrong: wrong.length, frames: frames.length };
      report(`c-models-gate-${roundTrip}`, figures);
      assert.ok(figures.soundNoticed < Infinity && figures.pictureNoticed < Infinity, "no gate tripped");
      assert.equal(wrong.length, 0, JSON.stringify(wrong.slice(0, 3)));
      assert.ok(figures.sound <= SOUND_LIMIT_MS + roundTrip, JSON.stringify(figures));
      assert.ok(figures.picture <= PICTURE_LIMIT_MS + roundTrip, JSON.stringify(figures));
    } finally {
      await far.close();
      await line.close();
    }
  });
}
