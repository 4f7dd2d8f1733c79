// The node under test: one `sotto serve` per test file, on ports of its own.

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { artifacts, program, root } from "./paths.js";

const START_MS = 15_000;

/**
 * For tests of other things than bandwidth: a page without processor time reads its packets late,
 * which its estimate cannot tell from a narrow line.
 */
export const UNLIMITED = { SOTTO_MEDIA_CONGESTION_CONTROL: "false" };

/**
 * Starts a node, on loopback unless `address` says otherwise, on ports that the system chooses unless
 * `ports` names them; `{ origin, token(room, name), stall(ms), crash(), stop() }` once it listens.
 */
export async function startNode({ name = "node", address = "127.0.0.1", ports = {}, arguments: extra = [], environment = {} } = {}) {
  const child = spawn(
    program("sotto"),
    [
      ..."serve --dev".split(" "),
      ...["--http", `${address}:${ports.http ?? 0}`, "--udp", `${address}:${ports.udp ?? 0}`, "--advertise", address],
      ...["--web-root", join(root, "web-client/dist")],
      ...extra,
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } },
  );
  child.stderr.pipe(createWriteStream(join(artifacts, `${name}.log`), { flags: "a" }));
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const origin = await Promise.race([
    listening(child),
    ended.then((how) => Promise.reject(new Error(`sotto ended (${how}): see ${name}.log`))),
    rejectAfter(START_MS, "sotto did not say where it listens"),
  ]);
  return {
    origin,
    signal: `${origin.replace(/^http/, "ws")}/v1/signal`,
    /** A token of the development key. */
    async token(room, person) {
      const response = await fetch(`${origin}/v1/dev/token`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ room, name: person }),
      });
      if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
      return (await response.json()).token;
    },
    /** Lets the node stand still for that many milliseconds, as a machine without time for it would. */
    async stall(ms) {
      child.kill("SIGSTOP");
      await new Promise((done) => setTimeout(done, ms));
      child.kill("SIGCONT");
    },
    /** Ends it at once, as a machine that loses its power would. */
    async crash() {
      child.kill("SIGKILL");
      await ended;
    },
    async stop() {
      child.kill("SIGTERM");
      const how = await Promise.race([ended, rejectAfter(START_MS, "sotto did not stop")]);
      if (how !== 0) throw new Error(`sotto ended with ${how}: see ${name}.log`);
    },
  };
}

async function listening(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const match = line.match(/^listening on (http:\/\/\S+)$/);
    if (match) return match[1];
  }
  throw new Error("sotto closed its output");
}

function rejectAfter(ms, message) {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(message)), ms).unref());
}
