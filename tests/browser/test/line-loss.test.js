// Losses on the way to a subscriber are repaired. What is judged is what repair brought back: a
// machine that has no time for a page freezes its picture and breaks its voice without any loss.
// The promised shares (frozen 2 %, made up 3 %) are printed, and held against a minute on a quiet
// machine by bench/line-network.js, which also shows the same without repair.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { report } from "../rig/figures.js";
import { LOSS_RATE, sufferLosses } from "../rig/loss.js";
import { makeLine } from "../rig/netns.js";
import { UNLIMITED } from "../rig/node.js";

const SECONDS = 15;
/** Without repair 25 to 74 % of the time are frozen here. */
const FROZEN = 0.15;

let line;
before(async () => {
  line = await makeLine();
});
after(() => line?.close());

test("of 5 % losses nearly nothing remains", { timeout: 180_000 }, async () => {
  const figures = await sufferLosses(line, { repair: true, seconds: SECONDS, environment: UNLIMITED });
  report("b-loss", figures);
  for (const [kind, of] of Object.entries(figures)) {
    const { video, audio, lossOfLine, frozenShare } = of;
    const told = `${kind}: ${JSON.stringify(of)}`;
    assert.ok(lossOfLine > 0.02, told);
    assert.ok(video.repaired > 0, told);
    assert.ok(video.fps >= 0.9 * LOSS_RATE, `pictures that could be decoded, ${told}`);
    assert.ok(video.plis <= 1, `pictures begun anew, ${told}`);
    assert.ok(audio.lost <= 0.01 * audio.packets, `voice that never came, ${told}`);
    assert.ok(frozenShare <= FROZEN, told);
  }
});
