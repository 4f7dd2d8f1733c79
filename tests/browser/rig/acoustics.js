// A room without walls: a loudspeaker that leads straight into a microphone, made of a sound server
// of its own. What is heard of it in the microphone is what an echo canceller leaves.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS = 10_000;

/** Why there can be no such room here, or null; refused where `CI` is set. */
export function whyNoAcoustics() {
  if (spawnSync("pulseaudio", ["--version"]).status === 0) return null;
  const why = "no pulseaudio in the PATH: tools/install test";
  if (process.env.CI) throw new Error(why);
  return why;
}

/** Makes one; `environment` is for the programs that are to play and record in it. */
export async function makeAcoustics() {
  const folder = mkdtempSync(join(tmpdir(), "sotto-sound-"));
  const environment = { XDG_RUNTIME_DIR: folder, PULSE_SERVER: `unix:${folder}/pulse/native` };
  const child = spawn(
    "pulseaudio",
    [
      ...["-n", "--daemonize=no", "--exit-idle-time=-1", "--log-level=error"],
      ...["-L", "module-null-sink sink_name=loudspeaker rate=48000 channels=2"],
      // Browsers list no monitors among microphones.
      ...["-L", "module-remap-source master=loudspeaker.monitor source_name=microphone"],
      ...["-L", "module-native-protocol-unix"],
    ],
    { stdio: "ignore", env: { ...process.env, XDG_RUNTIME_DIR: folder } },
  );
  const ask = (...words) => spawnSync("pactl", words, { env: { ...process.env, ...environment } }).status === 0;
  const end = Date.now() + START_MS;
  while (!ask("set-default-source", "microphone")) {
    if (Date.now() > end) throw new Error("pulseaudio did not start");
    await new Promise((done) => setTimeout(done, 100));
  }
  return {
    environment,
    async close() {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
