// Clients behind lines of their own: each in a network namespace, with the program `sotto-link`
// between it and the node. (Not tc netem: many kernels come without it, and it cannot tell how long
// its queue was.)
//
//   namespace of the test file, made by run.js     namespace of a line
//   node on 10.77.0.1 ── TUN ── sotto-link ── TUN ── Chromium, TCP
//
// All of it is gone with the processes of the test file, however they end: the namespaces are known
// to nobody else.

import { execFile, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { launch } from "./chromium.js";
import { chromiumProgram, program } from "./paths.js";

const run = promisify(execFile);

/** Where a node listens that clients behind lines are to reach. */
export const NODE_ADDRESS = "10.77.0.1";

/** With an interface that is no loopback, and a way out: without them a browser makes no candidates. */
const SET_UP = `mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up &&
  ip link add home type veth peer name away && ip link set home up && ip link set away up &&
  ip address add ${NODE_ADDRESS}/32 dev home && ip route add default dev home && exec "$@"`;

/** The command line that runs another one in namespaces of its own, in which lines can be made. */
export function ownNetwork(command) {
  const user = process.getuid() === 0 ? [] : ["--user", "--map-root-user"];
  return ["unshare", ...user, "--net", "--mount", "sh", "-c", SET_UP, "sh", ...command];
}

/** Why no lines can be made here, or null. */
export function whyNoLines() {
  const [file, ...rest] = ownNetwork(["ip", "tuntap", "add", "dev", "probe", "mode", "tun"]);
  const { status, error, stderr } = spawnSync(file, rest, { encoding: "utf8" });
  if (status === 0) return null;
  return `network namespaces with TUN devices need root (or user namespaces), iproute2 and util-linux: ${error ?? stderr.trim()}`;
}

let lines = 0;

/**
 * Makes a line. `shape` is `{ down, up }`, from and to the node, each with any of
 *   rate (bits of IP packets per second), queue (bytes), delayMs, loss (0 to 1), burst (mean length)
 */
export async function makeLine(shape = {}, { seed = 1 } = {}) {
  lines += 1;
  const [name, near, far, net] = [`line${lines}`, `near${lines}`, `far${lines}`, `10.77.${lines}`];
  // Scheduled before what it carries, as a real line would be.
  const child = spawn("nice", ["-n", "-10", program("sotto-link"), "--near", near, "--far", far, "--seed", String(seed)], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let turn = Promise.resolve();
  const answer = async (event) => {
    const { value, done } = await answers.next();
    const said = done ? { event: "ended" } : JSON.parse(value);
    if (said.event !== event) throw new Error(`sotto-link said ${JSON.stringify(said)} instead of ${event}`);
    return said;
  };
  const ask = (command, event) => {
    turn = turn.then(() => {
      child.stdin.write(`${command}\n`);
      return answer(event);
    });
    return turn;
  };
  await answer("ready");
  const ip = (...words) => run("ip", words);
  await ip("netns", "add", name);
  await ip("link", "set", far, "netns", name);
  await ip("address", "add", `${net}.1`, "peer", `${net}.2`, "dev", near);
  await ip("link", "set", near, "up");
  for (const words of [
    ["link", "set", "lo", "up"],
    ["address", "add", `${net}.2`, "peer", `${net}.1`, "dev", far],
    ["link", "set", far, "up"],
    ["route", "add", "default", "dev", far],
  ]) {
    await ip("-n", name, ...words);
  }
  let address = `${net}.2`;
  const line = {
    /** Changes it while it is in use. */
    shape: (shapes) => ask(`shape ${JSON.stringify(shapes)}`, "shaped"),
    /** What went over it since the last call: `{ down, up }`, with the queue's delay. */
    count: () => ask("count", "counted"),
    /** The command line that runs another one behind the line. */
    behind: (command) => ["ip", "netns", "exec", name, ...command],
    /** A Chromium behind the line that takes `node`'s origin for a secure one. */
    launch(node, options = {}) {
      const wrapper = join(mkdtempSync(join(tmpdir(), "sotto-line-")), "chromium");
      writeFileSync(wrapper, `#!/bin/sh\nexec ${line.behind([chromiumProgram()]).join(" ")} "$@"\n`);
      chmodSync(wrapper, 0o755);
      return launch({ ...options, executable: wrapper, secure: node.origin });
    },
    /** The client's interface is down, as a cable that was pulled; or up again. */
    async connected(up) {
      await ip("-n", name, "link", "set", far, up ? "up" : "down");
      if (up) await ip("-n", name, "route", "replace", "default", "dev", far);
    },
    /** The client has another address from now on, and no longer its former one. */
    async readdress() {
      const [former, next] = [address, `${net}.${Number(address.split(".")[3]) + 1}`];
      await ip("route", "add", `${next}/32`, "dev", near);
      // Not in one network with the former one, which it would go away with.
      await ip("-n", name, "address", "add", `${next}/32`, "dev", far);
      await ip("-n", name, "address", "flush", "dev", far, "to", former);
      await ip("-n", name, "route", "replace", "default", "dev", far, "src", next);
      address = next;
    },
    async close() {
      child.stdin.end();
      await ip("netns", "delete", name);
    },
  };
  await line.shape(shape);
  return line;
}
