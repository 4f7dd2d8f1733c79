// The lines themselves, where the truth is known: no browser, only UDP and TCP.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { makeLine, NODE_ADDRESS } from "../rig/netns.js";
import { receiveTcp, sendTcp } from "../rig/tcp.js";

const run = promisify(execFile);
let line;
before(async () => {
  line = await makeLine({ down: { delayMs: 40 }, up: { delayMs: 40 } });
});
after(() => line?.close());

/** Sends datagrams through the line and back; resolves to the round trips in ms of those that came. */
async function roundTrips(count) {
  const echo = createSocket("udp4");
  echo.on("message", (message, { port, address }) => echo.send(message, port, address));
  await new Promise((bound) => echo.bind(0, NODE_ADDRESS, bound));
  const [file, ...words] = line.behind([process.execPath, "-e", SENDER, String(echo.address().port), NODE_ADDRESS, String(count)]);
  const { stdout } = await run(file, words);
  echo.close();
  return JSON.parse(stdout);
}

const SENDER = `
  const [port, address, count] = process.argv.slice(1);
  const socket = require("node:dgram").createSocket("udp4");
  const times = [];
  socket.on("message", (message) => times.push(performance.now() - Number(message)));
  let sent = 0;
  const timer = setInterval(() => {
    socket.send(String(performance.now()), Number(port), address);
    if (++sent < Number(count)) return;
    clearInterval(timer);
    setTimeout(() => {
      console.log(JSON.stringify(times));
      socket.close();
    }, 1000);
  }, 10);
`;

test("a line delays by as much as it was told to", async () => {
  const times = await roundTrips(20);
  assert.equal(times.length, 20);
  const shortest = Math.min(...times);
  assert.ok(shortest >= 80 && shortest < 200, JSON.stringify(times));
});

test("a line loses as much as it was told to, and counts it", async () => {
  await line.shape({ down: { loss: 0.3 }, up: {} });
  const came = await roundTrips(200);
  assert.ok(came.length > 100 && came.length < 180, `${came.length} of 200`);
  const { down } = await line.count();
  assert.ok(down.lost > 20 && down.lost < 100, JSON.stringify(down));
});

test("TCP gets through the bottleneck at its rate, changed while it runs, and fills its queue", async () => {
  await line.shape({ down: { rate: 2_000_000, queue: 50_000, delayMs: 20 }, up: { delayMs: 20 } });
  const sender = await sendTcp(NODE_ADDRESS);
  const receiver = receiveTcp(line, sender);
  await receiver.bytesWithin(1000);
  await line.count();
  const fast = await receiver.bytesWithin(3000);
  const { down } = await line.count();
  await line.shape({ down: { rate: 500_000, queue: 50_000, delayMs: 20 } });
  await receiver.bytesWithin(1000);
  const slow = await receiver.bytesWithin(3000);
  receiver.stop();
  await sender.stop();
  assert.ok(fast.bitrate > 1_500_000 && fast.bitrate < 2_050_000, JSON.stringify(fast));
  assert.ok(slow.bitrate > 350_000 && slow.bitrate < 550_000, JSON.stringify(slow));
  assert.ok(down.queueMsMax > 50 && down.queueMsMax <= 201, JSON.stringify(down));
});
