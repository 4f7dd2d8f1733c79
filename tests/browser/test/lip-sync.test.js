// Lips and voice of one person, whose picture and sound come in slots that have carried others.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { median, percentile, report } from "../rig/figures.js";
import { startNative } from "../rig/native.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { openSdkPage } from "../rig/sdk-page.js";

const LIMIT_MS = 60;
/** Time that the client library is given to bring a newly shown person into step. */
const SETTLE_MS = 7000;
const MEASURE_MS = 10_000;

let node, browser;
before(async () => {
  [node, browser] = await Promise.all([startNode({ name: "lip-sync", environment: UNLIMITED }), launch()]);
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

test("a flash and its beep stay within 60 ms, also after slots were re-pointed", { timeout: 110_000 }, async () => {
  const room = "metronome";
  const names = ["Tick", "Tock"];
  const people = names.map((name) => startNative(node, { room, name, arguments: ["--flash-and-beep"] }));
  try {
    const page = await openSdkPage(browser, node);
    const token = await node.token(room, "watcher");
    await page.evaluate((all) => enter(all), { signal: node.signal, token, audioSlots: 1, videoSlots: 1 });
    await Promise.all(people.map((person) => person.event(({ event }) => event === "joined", "joining")));
    const turns = [];
    for (const turn of [0, 1, 0, 1]) {
      people[1 - turn].say("mute");
      people[turn].say("unmute");
      await page.evaluate((name) => showAlone(name), names[turn]);
      const skews = await page.evaluate((times) => skewOfShown(...times), [SETTLE_MS, MEASURE_MS]);
      turns.push({ name: names[turn], count: skews.length, median: Math.round(median(skews)), skews: skews.map(Math.round) });
    }
    const all = turns.flatMap(({ skews }) => skews.map(Math.abs));
    const p95 = percentile(all, 0.95);
    report("c-lip-sync", { p95, settleMs: SETTLE_MS, turns });
    for (const { name, count } of turns) assert.ok(count >= MEASURE_MS / 2000, `${count} beeps of ${name}`);
    assert.ok(p95 <= LIMIT_MS, JSON.stringify(turns));
  } finally {
    await Promise.all(people.map((person) => person.leave()));
  }
});
