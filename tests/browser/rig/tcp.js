// A TCP flow that always has something to send: what meetings share lines with.

import { spawn } from "node:child_process";
import { createServer } from "node:net";

const BLOCK = Buffer.alloc(64 * 1024);

/** Sends to whoever connects: `{ port, stop() }`. */
export async function sendTcp(address) {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    const fill = () => {
      while (socket.write(BLOCK));
    };
    socket.on("drain", fill);
    // The receiver ends by being killed.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    fill();
  });
  await new Promise((listening) => server.listen(0, address, listening));
  return {
    port: server.address().port,
    address,
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((closed) => server.close(closed));
    },
  };
}

const RECEIVER = `
  const socket = require("node:net").connect(+process.argv[1], process.argv[2]);
  let bytes = 0;
  socket.on("data", (data) => (bytes += data.length));
  process.stdin.on("data", () => process.stdout.write(JSON.stringify({ at: performance.now(), bytes }) + "\\n"));
`;

/** Receives behind `line` what `sender` (`{ port, address }`) sends: `{ bytesWithin(ms), stop() }`. */
export function receiveTcp(line, { port, address }) {
  const [file, ...words] = line.behind([process.execPath, "-e", RECEIVER, String(port), address]);
  const child = spawn(file, words, { stdio: ["pipe", "pipe", "inherit"] });
  const count = () =>
    new Promise((resolve) => {
      child.stdout.once("data", (data) => resolve(JSON.parse(data)));
      child.stdin.write("\n");
    });
  return {
    count,
    /** Bytes that came in the next `ms` milliseconds, and their rate in bits per second. */
    async bytesWithin(ms) {
      const before = await count();
      await new Promise((done) => setTimeout(done, ms));
      const after = await count();
      const bytes = after.bytes - before.bytes;
      return { bytes, bitrate: (bytes * 8000) / (after.at - before.at) };
    },
    stop: () => child.kill("SIGKILL"),
  };
}
