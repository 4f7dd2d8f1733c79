// Every codec from one Chromium to another, and all the layers that a large capture has.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { cameraClip } from "../rig/media.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { publisher, subscriber, until } from "../rig/quality.js";

const NUMBER = 1;
const SMALL = { width: 320, height: 180 };
const LARGE = { width: 1280, height: 720 };
const RATE = 10;

let node, sending, receiving;
before(async () => {
  const camera = await cameraClip(NUMBER, LARGE);
  [node, sending, receiving] = await Promise.all([startNode({ name: "codecs", environment: UNLIMITED }), launch({ camera }), launch()]);
});
after(async () => {
  await Promise.all([sending?.close(), receiving?.close()]);
  await node?.stop();
});

for (const codec of ["vp8", "vp9", "h264", "av1"]) {
  test(`${codec} goes from one Chromium to another`, async () => {
    const room = `codec-${codec}`;
    const ada = await publisher(sending, node, { room, codec, devices: { ...SMALL, rate: RATE } });
    const bert = await subscriber(receiving, node, { room, name: "Bert", tile: SMALL });
    const { found } = await until(bert, (row) => row.decoded >= 10);
    const [sent] = await ada.evaluate(() => sentVideo());
    assert.equal(sent.codec, codec);
    assert.equal(found.codec, codec);
    await bert.waitForFunction(() => showsPicture("Ada"));
    const seenThere = await bert.evaluate(() => readIdentity(document.querySelector("video")));
    assert.equal(seenThere, NUMBER);
    await leave(ada, bert);
  });
}

test("all three layers of a large capture are really encoded, and the largest arrives", { timeout: 120_000 }, async () => {
  const room = "large";
  const ada = await publisher(sending, node, { room, codec: "vp8", devices: { ...LARGE, rate: RATE } });
  const bert = await subscriber(receiving, node, { room, name: "Bert", tile: LARGE });
  // Encoded means: with this size, by this encoder, and more of it than a moment ago.
  const { found: layers } = await ada.evaluate(async (width) => {
    let before = [];
    return timeUntil(
      async () => {
        const rows = await sentVideo();
        const grew = rows.every(({ rid, frames }) => frames > (before.find((one) => one.rid === rid)?.frames ?? Infinity));
        before = rows;
        return rows.length === 3 && grew && rows.at(-1).width === width ? rows : null;
      },
      { every: 1000, limit: 60_000, what: "three layers" },
    );
  }, LARGE.width);
  const { found, ms } = await until(bert, (row) => row.width === 1280, { limit: 60_000 });
  report("a-simulcast", { layers: layers.map(({ rid, width, height }) => ({ rid, width, height })), toTopMs: Math.round(ms) });
  assert.equal(layers.at(-1).height, LARGE.height);
  assert.ok(layers[0].width < layers[1].width && layers[1].width < layers[2].width, JSON.stringify(layers));
  assert.equal(found.height, LARGE.height);
  await leave(ada, bert);
});

async function leave(...pages) {
  for (const page of pages) {
    await page.evaluate(() => room.leave());
    await page.close();
  }
}
