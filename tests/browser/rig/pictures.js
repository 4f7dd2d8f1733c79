// Pictures that a page showed beside those of the clip that its camera played: which is which, and how
// near they are.

import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

import { percentile } from "./figures.js";
import { ffmpeg } from "./real-people.js";
import { artifacts, root } from "./paths.js";

/** Pictures are told apart at this size. */
const SIDE = 32;
/** By so many pictures of the clip one may be off what the others of its burst say: cameras leave out and repeat some. */
const REACH = 2;
/** Of the pictures, how many may have a face that reaches out of its area at one side, as in the lab. */
const OUTSIDE = 0.02;

/** The luma of a camera's file: `{ width, height, count, picture(index), thumb(index), close() }`. */
export function sourceOf(camera) {
  const [planes, small] = ["planes", "thumbs"].map((name) => join(artifacts, `source-${name}.raw`));
  const sized = execFileSync("ffprobe", ["-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0", "-f", "mjpeg", camera], { encoding: "utf8" });
  const [width, height] = sized.trim().split(",").map(Number);
  ffmpeg("-f", "mjpeg", "-i", camera, "-vf", "extractplanes=y", "-f", "rawvideo", planes);
  ffmpeg("-f", "mjpeg", "-i", camera, "-vf", `extractplanes=y,scale=${SIDE}:${SIDE}:flags=area`, "-f", "rawvideo", small);
  const thumbs = readFileSync(small);
  const file = openSync(planes, "r");
  return {
    width,
    height,
    count: thumbs.length / SIDE ** 2,
    picture(index) {
      const bytes = Buffer.alloc(width * height);
      readSync(file, bytes, 0, bytes.length, index * bytes.length);
      return bytes;
    },
    thumb: (index) => thumbs.subarray(index * SIDE ** 2, (index + 1) * SIDE ** 2),
    close() {
      closeSync(file);
      for (const path of [planes, small]) rmSync(path);
    },
  };
}

/**
 * Which pictures of a source those of a burst (page/tilepictures.js) are, by their index: together they
 * tell where the clip was, and each is the nearest of those around its own time.
 */
export function identified(source, { width, height, times, luma }, rate) {
  const size = width * height;
  const thumbs = times.map((_, index) => shrunk(luma.subarray(index * size, (index + 1) * size), width, height));
  const expected = (start, index) => Math.round(start + ((times[index] - times[0]) * rate) / 1000);
  const cost = (start) => thumbs.reduce((sum, thumb, index) => sum + difference(thumb, source.thumb(expected(start, index) % source.count)), 0);
  let start = 0;
  for (let candidate = 1, least = cost(0); candidate < source.count; candidate += 1) {
    const of = cost(candidate);
    if (of < least) [least, start] = [of, candidate];
  }
  return thumbs.map((thumb, index) => {
    const near = Array.from({ length: 2 * REACH + 1 }, (_, at) => (expected(start, index) + at - REACH + source.count) % source.count);
    return near.reduce((best, at) => (difference(thumb, source.thumb(at)) < difference(thumb, source.thumb(best)) ? at : best));
  });
}

/** Mean VMAF-NEG of pictures and of their faces, as `sotto-lab face` has them; `pairs`: `[{ shown, source }]`, luma. */
export function vmafNeg(pairs, shownSize, sourceSize, python) {
  const [shown, original] = ["shown", "original"].map((name) => join(artifacts, `pictures-${name}.y4m`));
  write(shown, shownSize, pairs.map((pair) => pair.shown));
  write(original, sourceSize, pairs.map((pair) => pair.source));
  const area = faceArea(original, python, sourceSize);
  const ffmpegWithVmaf = execFileSync(python, ["-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"], { encoding: "utf8" }).trim();
  const score = (crop) => {
    const log = join(artifacts, "pictures-vmaf.json");
    const [width, height] = sourceSize;
    const graph = `[0:v]setpts=N,scale=${width}:${height}:flags=bicubic${crop}[a];[1:v]setpts=N${crop}[b];[a][b]libvmaf=model='version=vmaf_v0.6.1neg\\:name=neg':n_threads=2:log_fmt=json:log_path=${log}`;
    execFileSync(ffmpegWithVmaf, ["-v", "error", "-y", "-i", shown, "-i", original, "-filter_complex", graph, "-f", "null", "-"]);
    const frames = JSON.parse(readFileSync(log, "utf8")).frames.map(({ metrics }) => metrics.neg);
    rmSync(log);
    return frames.reduce((sum, value) => sum + value, 0) / frames.length;
  };
  const scores = { frame: score(""), face: area && score(`,crop=${area.join(":")}`) };
  for (const path of [shown, original]) rmSync(path);
  return scores;
}

/** Width, height, left and top of where the face is nearly all the time, by the lab's landmarks; `null`: none is found. */
function faceArea(video, python, [width, height]) {
  const script = join(root, "tests/lab/face_landmarks.py");
  const answer = execFileSync(python, [script], { input: `${JSON.stringify({ box: null, video })}\n`, encoding: "utf8", maxBuffer: 1 << 28 });
  const faces = JSON.parse(answer).faces.filter((face) => face !== null);
  if (faces.length === 0) return null;
  const edge = (side, share) => percentile(faces.map(({ outline }) => outline[side]), share);
  const even = (at, most) => Math.floor(Math.max(0, Math.min(most, at)) / 2) * 2;
  const [left, top] = [even(edge(0, OUTSIDE), width), even(edge(1, OUTSIDE), height)];
  return [even(edge(2, 1 - OUTSIDE), width) - left, even(edge(3, 1 - OUTSIDE), height) - top, left, top];
}

/** By how much brighter, and with how much more contrast, what is shown is: `[offset, gain]` of its luma. */
export function brightness(pairs) {
  let [n, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (const { shown, source } of pairs) {
    if (shown.length !== source.length) return null;
    for (let at = 0; at < source.length; at += 37) {
      n += 1;
      x += source[at];
      y += shown[at];
      xx += source[at] ** 2;
      xy += source[at] * shown[at];
    }
  }
  const gain = (n * xy - x * y) / (n * xx - x * x);
  return [(y - gain * x) / n, gain];
}

function write(path, [width, height], lumas) {
  const file = openSync(path, "w");
  const chroma = Buffer.alloc(2 * Math.ceil(width / 2) * Math.ceil(height / 2), 128);
  writeSync(file, `YUV4MPEG2 W${width} H${height} F25:1 Ip C420jpeg\n`);
  for (const luma of lumas) for (const part of [Buffer.from("FRAME\n"), luma, chroma]) writeSync(file, part);
  closeSync(file);
}

/** A picture at the size at which they are told apart. */
function shrunk(luma, width, height) {
  const small = new Float32Array(SIDE ** 2);
  const edge = (at, of) => Math.floor((at * of) / SIDE);
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      let [sum, count] = [0, 0];
      for (let y = edge(row, height); y < edge(row + 1, height); y += 1) {
        for (let x = edge(column, width); x < edge(column + 1, width); x += 1) {
          sum += luma[y * width + x];
          count += 1;
        }
      }
      small[row * SIDE + column] = sum / count;
    }
  }
  return small;
}

function difference(a, b) {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += (a[at] - b[at]) ** 2;
  return sum;
}
