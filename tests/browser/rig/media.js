// Clips and voices for fake cameras and microphones, made by ffmpeg once and kept in the cache.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { blocks, hex, pitch } from "./identity.js";
import { cache } from "./paths.js";

const run = promisify(execFile);
const SECONDS = 8;
/** Chromium plays motion JPEG at this rate, whatever the file says. */
export const CLIP_RATE = 30;

const PATTERNS = ["testsrc2", "mandelbrot", "gradients", "smptehdbars", "rgbtestsrc", "pal75bars"];

/** Motion JPEG for `--use-file-for-fake-video-capture`: person `number`, 8 s, looped by Chromium. */
export function cameraClip(number, { width = 640, height = 360 } = {}) {
  return made(`camera-${number}-${width}x${height}.mjpeg`, (file) => [
    ...picture(number, width, height, CLIP_RATE),
    ..."-c:v mjpeg -q:v 5 -pix_fmt yuvj420p -f mjpeg".split(" "),
    file,
  ]);
}

/**
 * VP8 in IVF for native publishers: the same picture, `seconds` of it, a keyframe each second. With
 * `onRequest` there is none behind the first, to which a publisher that is asked for one goes back.
 */
export function vp8Clip(
  number,
  { width = 640, height = 360, rate = 15, bitrate = "400k", seconds = SECONDS, onRequest = false } = {},
) {
  const frames = onRequest ? rate * seconds : rate;
  return made(`vp8-${number}-${width}x${height}-${rate}-${bitrate}-${seconds}-${frames}.ivf`, (file) => [
    ...picture(number, width, height, rate, seconds),
    ...`-c:v libvpx -deadline realtime -cpu-used 8 -b:v ${bitrate} -g ${frames} -auto-alt-ref 0 -f ivf`.split(" "),
    file,
  ]);
}

/** A 48 kHz mono WAV for `--use-file-for-fake-audio-capture`: the voice of person `number`. */
export function voiceClip(number) {
  return made(`voice-${number}.wav`, (file) => [...voice(number), "-c:a", "pcm_s16le", file]);
}

/** What people are heard saying: all sounds of English, in sentences that everybody may use. */
const SENTENCES = [
  "The birch canoe slid on the smooth planks, and the boy was there when the sun rose.",
  "Glue the sheet to the dark blue background. It is easy to tell the depth of a well.",
  "These days a chicken leg is a rare dish, and rice is often served in round bowls.",
  "The juice of lemons makes fine punch. The box was thrown beside the parked truck.",
  "The hogs were fed chopped corn and garbage. Four hours of steady work faced us.",
  "A large size in stockings is hard to sell. The source of the huge river is the clear spring.",
  "Kick the ball straight and follow through. Help the woman get back to her feet.",
  "A pot of tea helps to pass the evening. Smoky fires lack flame and heat.",
  "The soft cushion broke the man's fall. The salt breeze came across from the sea.",
  "The girl at the booth sold fifty bonds. The young man measured the garden twice.",
];

/** Of silence behind each, s: people draw breath, and a voice changes its form where they do. */
const BREATH_S = 0.6;

/** A 48 kHz mono WAV in which somebody speaks (a voice of Flite), some 50 s, looped by Chromium. */
export function spokenClip(voice = "slt") {
  const texts = SENTENCES.map((text) => text.replaceAll("'", ""));
  const inputs = texts.flatMap((text) => ["-f", "lavfi", "-i", `flite=voice=${voice}:text='${text}'`]);
  const padded = texts.map((_, at) => `[${at}]apad=pad_dur=${BREATH_S}[s${at}]`).join(";");
  const joined = `${texts.map((_, at) => `[s${at}]`).join("")}concat=n=${texts.length}:v=0:a=1`;
  return made(`spoken-${voice}-${BREATH_S}.wav`, (file) => [
    ...inputs,
    "-filter_complex",
    `${padded};${joined}`,
    ..."-ar 48000 -ac 1 -c:a pcm_s16le".split(" "),
    file,
  ]);
}

/** Opus in Ogg for native publishers: the same voice in 20 ms packets. */
export function opusClip(number) {
  return made(`voice-${number}.ogg`, (file) => [
    ...voice(number),
    ..."-c:a libopus -b:a 32k -frame_duration 20 -application voip".split(" "),
    file,
  ]);
}

function picture(number, width, height, rate, seconds = SECONDS) {
  const pattern = PATTERNS[number % PATTERNS.length];
  const sized = `${pattern}=size=${width}x${height}:rate=${rate}`;
  const boxes = blocks(number).map(
    (block, row) => `drawbox=x=0:y=ih*${row}/3:w=iw/3:h=ih/3:color=0x${hex(block)}:t=fill`,
  );
  // Everything moves, the still patterns too, or an encoder would have nothing to send.
  const filters = ["scroll=horizontal=0.005", "format=yuv420p", ...boxes].join(",");
  return ["-f", "lavfi", "-t", String(seconds), "-i", sized, "-vf", filters];
}

function voice(number) {
  const f = pitch(number);
  const harmonics = [1, 2, 3, 4, 5, 6].map((k) => `sin(2*PI*${f * k}*t)/${k}`).join("+");
  // Loudness goes up and down as in speech, at three beats a second; whole periods, so it loops.
  const samples = `0.2*(0.6+0.4*sin(2*PI*3*t))*(${harmonics})`;
  return ["-f", "lavfi", "-t", String(SECONDS), "-i", `aevalsrc='${samples}':s=48000`, "-ac", "1"];
}

async function made(name, arguments_) {
  const folder = join(cache, "media");
  const file = join(folder, name);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  // Written beside and moved, so that a run that was stopped leaves no half clip behind.
  const part = join(folder, `${process.pid}-${name}`);
  await run("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", ...arguments_(part)]);
  renameSync(part, file);
  return file;
}
