// Real Chromium behind real lines, beside what the lab says of the same in virtual time. Bad
// results are printed like good ones. `ROWS=c-profiles,d-two-flows` measures only those.

import { report } from "../rig/figures.js";
import { sufferLosses } from "../rig/loss.js";
import { makeLine, NODE_ADDRESS } from "../rig/netns.js";
import { startNode } from "../rig/node.js";
import { bytesOf, fillRoom, inTheLab, jain, PROFILES, replay, shapeAt, watchRoom } from "../rig/replay.js";
import { receiveTcp, sendTcp } from "../rig/tcp.js";

const SHARED = { down: { rate: 3_000_000, queue: 75_000, delayMs: 25 }, up: { delayMs: 25 } };
const LOSS_SECONDS = 60;
const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

const chosen = process.env.ROWS?.split(",");
const line = await makeLine();
const rows = {
  "b-losses": losses,
  "c-profiles": profiles,
  "d-two-flows": twoFlows,
  "d-beside-tcp": besideTcp,
};
for (const [row, measure] of Object.entries(rows).filter(([row]) => chosen?.includes(row) ?? true)) {
  try {
    report(row, await measure());
  } catch (error) {
    report(row, { failed: error.message });
    process.exitCode = 1;
  }
}
await line.close();

/** Frozen and made-up shares of a minute of each kind of loss, with and without repair. */
async function losses() {
  const figures = {};
  for (const repair of [true, false]) {
    figures[repair ? "repaired" : "unrepaired"] = await sufferLosses(line, { repair, seconds: LOSS_SECONDS });
  }
  const kept = ({ frozenShare, concealedShare }) => frozenShare <= 0.02 && concealedShare <= 0.03;
  figures.kept = kept(figures.repaired.singly) && kept(figures.repaired.bursts);
  return figures;
}

/** What three links settle at, against the lab. */
async function profiles() {
  const figures = {};
  for (const [name, profile] of Object.entries(PROFILES)) {
    await line.shape({ down: shapeAt(profile, 0), up: { delayMs: profile.delayMs } });
    const { seconds, ...real } = await inRoom(`profile-${name}`, async ([page]) => replay(line, page, profile));
    const lab = await inTheLab(name);
    const difference = real.settledBps / lab.settled_bps - 1;
    figures[name] = { ...real, labBps: lab.settled_bps, labQueueMsP95: lab.queue_ms_p95, difference: Number(difference.toFixed(3)) };
    report(`c-profile-${name}`, { ...figures[name], seconds });
  }
  return figures;
}

/** Two subscribers behind one bottleneck. */
async function twoFlows() {
  await line.shape(SHARED);
  return inRoom("shared", async (pages) => {
    await wait(30);
    await line.count();
    const before = await Promise.all(pages.map(bytesOf));
    await wait(45);
    const after = await Promise.all(pages.map(bytesOf));
    const bps = after.map((bytes, index) => Math.round(((bytes - before[index]) * 8) / 45));
    const { down } = await line.count();
    return { bps, jain: Number(jain(bps).toFixed(3)), queueMsP95: down.queueMsP95 };
  }, 2);
}

/** One subscriber, and a TCP flow that comes beside it for a minute. */
async function besideTcp() {
  await line.shape(SHARED);
  const sender = await sendTcp(NODE_ADDRESS);
  try {
    return await inRoom("beside", async ([page]) => {
      await wait(15);
      const receiver = receiveTcp(line, sender);
      try {
        const before = await bytesOf(page);
        const tcp = await receiver.bytesWithin(60_000);
        const ours = Math.round((((await bytesOf(page)) - before) * 8) / 60);
        return { ourBps: ours, tcpBps: Math.round(tcp.bitrate), ourShare: ours / SHARED.down.rate, tcpShare: tcp.bitrate / SHARED.down.rate };
      } finally {
        receiver.stop();
      }
    });
  } finally {
    await sender.stop();
  }
}

/** Gives `measure` the pages of `count` subscribers behind the line, of a full room. */
async function inRoom(room, measure, count = 1) {
  const node = await startNode({ name: `bench-${room}`, address: NODE_ADDRESS });
  const people = await fillRoom(node, room);
  const browser = await line.launch(node);
  try {
    const pages = [];
    for (let index = 0; index < count; index += 1) pages.push(await watchRoom(browser, node, { room, name: `watcher ${index}` }));
    const figures = await measure(pages);
    for (const page of pages) await page.evaluate(() => room.leave());
    return figures;
  } finally {
    await browser.close();
    await people.leave();
    await node.stop();
  }
}
