// Losses on the way to a subscriber are repaired. The same over a minute, and without repair:
// bench/line-network.js.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { report } from "../rig/figures.js";
import { sufferLosses } from "../rig/loss.js";
import { makeLine } from "../rig/netns.js";

const SECONDS = 15;
/** Of 15 seconds, one burst that takes repair itself along is three in a hundred. */
const LIMITS = {
  singly: { frozenShare: 0.02, concealedShare: 0.03 },
  bursts: { frozenShare: 0.06, concealedShare: 0.06 },
};

let line;
before(async () => {
  line = await makeLine();
});
after(() => line?.close());

test("of 5 % losses nearly nothing is seen or heard", { timeout: 180_000 }, async () => {
  const figures = await sufferLosses(line, { repair: true, seconds: SECONDS });
  report("b-loss", figures);
  for (const [kind, limits] of Object.entries(LIMITS)) {
    const of = figures[kind];
    assert.ok(of.lossOfLine > 0.02, JSON.stringify(of));
    assert.ok(of.video.repaired > 0, `no packet of the picture was repaired: ${JSON.stringify(of)}`);
    for (const [figure, limit] of Object.entries(limits)) {
      assert.ok(of[figure] <= limit, `${kind}, ${figure}: ${JSON.stringify(of)}`);
    }
  }
});
