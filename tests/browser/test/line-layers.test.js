// A subscriber on a poor line gets a small layer, while another gets the large one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { cameraClip } from "../rig/media.js";
import { makeLine, NODE_ADDRESS } from "../rig/netns.js";
import { startNode } from "../rig/node.js";
import { publisher, received, subscriber, until } from "../rig/quality.js";

const LARGE = { width: 960, height: 540 };
const RATE = 10;
const POOR = { down: { rate: 300_000, queue: 30_000, delayMs: 20 }, up: { delayMs: 20 } };
const FREE = { down: { delayMs: 20 } };

let node, line, near, far;
before(async () => {
  const camera = await cameraClip(1, LARGE);
  [node, line] = await Promise.all([startNode({ name: "line-layers", address: NODE_ADDRESS }), makeLine(POOR)]);
  [near, far] = await Promise.all([launch({ camera, secure: node.origin }), line.launch(node)]);
});
after(async () => {
  await Promise.all([near?.close(), far?.close()]);
  await line?.close();
  await node?.stop();
});

for (const codec of ["vp8", "vp9"]) {
  test(`${codec}: 300 kbit/s carry a small layer while another has the large one, until freed`, { timeout: 180_000 }, async () => {
    const room = `layers-${codec}`;
    await line.shape(POOR);
    const ada = await publisher(near, node, { room, codec, devices: { ...LARGE, rate: RATE } });
    const bert = await subscriber(near, node, { room, name: "Bert", tile: LARGE });
    const cleo = await subscriber(far, node, { room, name: "Cleo", tile: LARGE });
    await until(bert, (row) => row.width === 960, { limit: 60_000 });
    await until(cleo, (row) => row.width > 0 && row.width < 960, { limit: 60_000 });
    await line.count();
    const [atBert, atCleo] = await Promise.all([received(bert, "video", 8000), received(cleo, "video", 8000)]);
    const { down } = await line.count();
    await line.shape(FREE);
    // Ten seconds is the promise, held on a quiet machine; one without time for four encoders takes
    // longer to see what its line carries.
    const freed = await until(cleo, (row) => row.width === 960, { limit: 60_000 });
    const figures = { codec, atBert, atCleo, queueMsP95: down.queueMsP95, overflowed: down.overflowed, backMs: Math.round(freed.ms) };
    report(`a-layers-${codec}`, figures);
    assert.ok(atCleo.width < 960, JSON.stringify(figures));
    assert.ok(atCleo.bitrate <= 310_000, JSON.stringify(figures));
    for (const page of [ada, bert, cleo]) {
      await page.evaluate(() => room.leave());
      await page.close();
    }
  });
}
