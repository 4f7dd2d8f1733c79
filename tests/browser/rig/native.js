// Participants without a browser: the `sotto-client` program, which says what it sees and hears
// as lines of JSON.

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { artifacts, program } from "./paths.js";

/** Starts one; `arguments` are those of `sotto-client` beyond where and who. */
export function startNative(node, { room, name, arguments: more = [] }) {
  const child = spawn(
    program("sotto-client"),
    ["--url", node.signal, "--dev-token-from", node.origin, "--room", room, "--name", name, ...more],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  child.stderr.pipe(createWriteStream(join(artifacts, `client-${name}.log`)));
  const events = [];
  const waiting = new Set();
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (!line.startsWith("{")) return;
    const event = JSON.parse(line);
    events.push(event);
    for (const waiter of waiting) waiter(event);
  });
  return {
    /** Everything that it said so far. */
    events,
    /** The first event, past or to come, that `matches`; refused after `limit` milliseconds. */
    event(matches, what = "an event", limit = 20_000) {
      const past = events.find(matches);
      if (past) return Promise.resolve(past);
      return new Promise((resolve, reject) => {
        const waiter = (event) => {
          if (!matches(event)) return;
          waiting.delete(waiter);
          clearTimeout(timer);
          resolve(event);
        };
        waiting.add(waiter);
        const timer = setTimeout(() => {
          waiting.delete(waiter);
          reject(new Error(`${name}: ${what} did not come; it said ${JSON.stringify(events.slice(-5))}`));
        }, limit);
        ended.then((how) => reject(new Error(`${name} ended (${how}) before ${what}: client-${name}.log`)));
      });
    },
    /** One line to its standard input: `mute`, `view {…}`, `chat …`. */
    say(command) {
      child.stdin.write(`${command}\n`);
    },
    /** Ends it with a goodbye, and waits. */
    async leave() {
      if (child.exitCode !== null) return;
      child.stdin.write("leave\n");
      const timer = setTimeout(() => child.kill("SIGTERM"), 5000);
      await ended;
      clearTimeout(timer);
    },
  };
}
