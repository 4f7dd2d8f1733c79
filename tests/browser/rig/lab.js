// What the lab says of the same recordings, and its Python.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { program, root } from "./paths.js";
import { ffmpeg } from "./real-people.js";
import { wav } from "./sound.js";

/** The lab learns from so much of the beginning of a recording, and measures with all the rest, s. */
export const LEARNED_S = { voice: 30, face: 20 };
const ALL_S = "1000";

/** Pythons that score voices and faces, or why there are none. */
export function pythons() {
  const found = ["voice-venv", "face-venv"].map((tool) => spawnSync(join(root, "tools", tool), { encoding: "utf8" }));
  const failed = found.find(({ status }) => status !== 0);
  if (failed) return { why: failed.stderr.trim() };
  const [voice, face] = found.map(({ stdout }) => stdout.trim());
  return { voice, face };
}

/** PESQ-WB, ESTOI and similarity of the speaker in the lab. */
export function voiceInTheLab(voice, python) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-voice-"));
  symlinkSync(voice, join(folder, basename(voice)));
  const { speakers } = lab("voice", "--speech", folder, "--skip-gate", "--json", "--test-seconds", ALL_S, "--python", python);
  rmSync(folder, { recursive: true });
  const [{ pesq, estoi, similarity }] = speakers;
  return { pesq, estoi, similarity };
}

/** VMAF-NEG of the face and of the picture in the lab, over what the gate lets through, the model growing meanwhile. */
export function faceInTheLab(clip, python) {
  const { clips } = lab("face", "--clip", clip, "--peers", "none", "--grow", "--json", "--test-seconds", ALL_S, "--python", python);
  return clips[0];
}

/** The same scores of sound that was played, beside what was said: samples at a rate. */
export function scoreVoice(said, played, rate, python) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-voice-"));
  const [reference, degraded] = [said, played].map((samples, index) => {
    const [own, at16] = [join(folder, `${index}.wav`), join(folder, `${index}-16.wav`)];
    writeFileSync(own, wav(samples, rate));
    ffmpeg("-i", own, "-ar", "16000", at16);
    return at16;
  });
  const pairs = JSON.stringify([{ reference, degraded }]);
  const answer = execFileSync(python, [join(root, "tests/lab/voice_metrics.py")], { input: pairs, encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return JSON.parse(answer)[0];
}

function lab(...words) {
  return JSON.parse(execFileSync(program("sotto-lab"), words, { encoding: "utf8", maxBuffer: 1 << 28 }));
}
