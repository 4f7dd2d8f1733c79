// Media over a TURN server alone, by the credentials that the node hands out.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { startTurn, whyNoTurn } from "../rig/coturn.js";
import { report } from "../rig/figures.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { painted } from "../rig/people.js";
import { openSdkPage } from "../rig/sdk-page.js";
import { wayOfMedia } from "../rig/ways.js";

const EVENTUALLY = { timeout: 30_000 };
const why = whyNoTurn();
if (why && process.env.CI) throw new Error(why);

let turn, browser;
before(async () => {
  if (why) return;
  // The certificate of the TURN server is nobody's.
  [turn, browser] = await Promise.all([startTurn(), launch({ flags: ["--ignore-certificate-errors"] })]);
});
after(async () => {
  await browser?.close();
  await turn?.stop();
});

for (const protocol of ["udp", "tcp", "tls"]) {
  test(`two people meet over TURN by ${protocol} alone`, { skip: why ?? false, timeout: 90_000 }, async () => {
    const environment = { ...UNLIMITED, ...turn.environment(turn[protocol]) };
    const node = await startNode({ name: `turn-${protocol}`, environment });
    const ann = await enter(node, "Ann", 5);
    const bob = await enter(node, "Bob", 6);
    await bob.waitForFunction(() => showsPicture("Ann"), undefined, EVENTUALLY);
    await ann.waitForFunction(() => showsPicture("Bob"), undefined, EVENTUALLY);
    const ways = await Promise.all([ann, bob].map(wayOfMedia));
    report(`d-turn-${protocol}`, { ways });
    for (const { type, relayProtocol } of ways) assert.deepEqual({ type, relayProtocol }, { type: "relay", relayProtocol: protocol });
    for (const page of [ann, bob]) {
      await page.evaluate(() => room.leave());
      await page.close();
    }
    await node.stop();
  });
}

async function enter(node, name, number) {
  const page = await openSdkPage(browser, node, { devices: painted(number, { rate: 10 }), size: { width: 800, height: 500 } });
  const token = await node.token("far", name);
  await page.evaluate((all) => enter(all), {
    ...{ signal: node.signal, token, audioSlots: 2, videoSlots: 2, iceTransportPolicy: "relay" },
    publish: { audio: true, video: true },
  });
  return page;
}
