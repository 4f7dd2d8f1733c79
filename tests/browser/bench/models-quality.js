// What a voice and a face in model form are like at the far end of the whole chain: a person in front of
// a real camera and microphone, as a Chromium plays and draws it, held against the files that the devices
// play and against what the lab makes of the same files. CLIPS and VOICES name one file each; SECONDS how
// long is recorded (90).
//
// The lab measures behind what it learns from, and so does this: clips and voices come again and again,
// and what counts is what is played of the rest, in model form. Sound is brought back to the time at
// which it was said (rig/sound.js); a picture is that of the clip which is most like it, of those
// around its time (rig/pictures.js).

import { loadavg } from "node:os";
import { readFileSync } from "node:fs";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { LEARNED_S, faceInTheLab, pythons, scoreVoice, voiceInTheLab } from "../rig/lab.js";
import { CLIP_RATE } from "../rig/media.js";
import { shoot } from "../rig/meeting-page.js";
import { startNode } from "../rig/node.js";
import { brightness, identified, sourceOf, vmafNeg } from "../rig/pictures.js";
import { camera, enterAsListener, enterAsSpeaker, files, microphone, openHeard, recordMicrophone, recordPlayed } from "../rig/real-people.js";
import { delays, envelope, positionIn, samplesOf, timeOf, unwound } from "../rig/sound.js";

const [[clip], [voice]] = [files("CLIPS"), files("VOICES")];
const SECONDS = Number(process.env.SECONDS ?? 90);
const SETTLE_MS = 20_000;
const LEARNED_MS = 240_000;
/** Pictures are kept for so long, so often: reading them takes the page's time. */
const BURST_MS = 2000;
const BURSTS_EVERY_MS = 6000;
/** Around a change of form nothing counts, ms. */
const MARGIN_MS = 500;
/** What may be lost on the way. */
const ALLOWED = { estoi: 0.03, similarity: 0.03, vmafNeg: 3 };
const tilePictures = readFileSync(new URL("../page/tilepictures.js", import.meta.url), "utf8");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const python = clip && voice ? pythons() : {};
if (!clip || !voice) console.log("SKIPPED: quality through the whole chain: CLIPS and VOICES name nobody");
else if (python.why) console.log(`SKIPPED: quality through the whole chain: ${python.why}`);
else await measure();

async function measure() {
  const devices = { camera: camera(clip, "models-quality"), voice: microphone(voice, "models-quality") };
  const source = sourceOf(devices.camera);
  const recorded = await record(devices, source);
  const load = Number(loadavg()[0].toFixed(1));
  const [heard, seen] = [voiceOf(recorded, devices.voice), faceOf(recorded, source)];
  source.close();
  const lab = { voice: voiceInTheLab(voice, python.voice), face: faceInTheLab(clip, python.face) };
  const less = (key) => rounded(lab.voice[key] - heard[key], 3);
  const figures = {
    voice: heard,
    voiceInTheLab: lab.voice,
    face: seen,
    faceInTheLab: { vmafNeg: rounded(lab.face.face_vmaf_neg, 1), frameVmafNeg: rounded(lab.face.frame_vmaf_neg, 1), gatePass: rounded(lab.face.gate_pass, 2) },
    less: { estoi: less("estoi"), similarity: less("similarity"), vmafNeg: rounded(lab.face.face_vmaf_neg - seen.vmafNeg, 1) },
    load,
  };
  figures.within = Object.entries(ALLOWED).every(([key, most]) => figures.less[key] <= most);
  report("models-quality", figures);
}

/** What a listener's page plays and draws of the person, and what the microphone took. */
async function record(devices, source) {
  const node = await startNode({ name: "models-quality", environment: { SOTTO_MODELS_POLICY: "frugal" } });
  const [speaking, listening] = [await launch(devices), await launch()];
  try {
    const [speaker, listener] = [
      await openHeard(speaking, node, "chain", { size: { width: 900, height: 640 } }),
      await openHeard(listening, node, "chain", { size: { width: 1000, height: 640 }, scripts: [tilePictures] }),
    ];
    await enterAsListener(listener);
    await enterAsSpeaker(speaker, "Speaker", ["microphone", "camera"]);
    for (const of of ["microphone", "camera"]) {
      await listener.locator(`[data-testid=models-forms] [data-source=${of}][data-form=model]`).first().waitFor({ timeout: LEARNED_MS });
    }
    await fit(listener, source.width);
    await wait(SETTLE_MS);
    const forms = await listener.evaluateHandle(() => globalThis.watchForms());
    const [mouth, ear] = [await recordMicrophone(speaker), await recordPlayed(listener)];
    const bursts = [];
    for (const end = performance.now() + SECONDS * 1000; performance.now() < end; ) {
      const next = performance.now() + BURSTS_EVERY_MS;
      const burst = await listener.evaluate((ms) => globalThis.keepPictures(ms), BURST_MS);
      bursts.push({ ...burst, luma: Buffer.from(burst.luma, "base64") });
      await wait(next - performance.now());
    }
    await shoot(listener, "models-quality");
    const stop = (recording) => recording.evaluate((one) => one.stop());
    return { bursts, forms: await stop(forms), said: await stop(mouth), played: await stop(ear) };
  } finally {
    // A download of a model that another one has replaced is cut off, which a page reports.
    const closed = await Promise.allSettled([speaking.close(), listening.close()]);
    for (const { reason } of closed) if (reason) console.log(reason.message);
    await node.stop();
  }
}

/** Has the face drawn as large as the camera's picture, which is as large as the page makes its tile. */
async function fit(page, width) {
  for (let step = 0; step < 8; step += 1) {
    const size = await page.evaluate(() => globalThis.drawnSize());
    if (!size || size[0] === width) return;
    const { width: wide, height: high } = page.viewportSize();
    // Two tiles, one above the other.
    const more = 2 * (width - size[0]);
    await page.setViewportSize({ width: Math.max(700, wide + more), height: Math.max(400, high + more) });
    await wait(1500);
  }
}

/** Scores of what was played in model form of the part that the lab measures with. */
function voiceOf({ said, played, forms }, file) {
  const [mouth, ear] = [said, played].map(({ rate, samples }) => ({ rate, samples: samplesOf(samples) }));
  const mouthTime = timeOf(said.pieces.map(({ first, captured }) => ({ first, at: captured })), said.rate);
  const earTime = timeOf(played.pieces, played.rate);
  const begin = Math.max(mouthTime(0), earTime(0));
  const end = Math.min(mouthTime(mouth.samples.length), earTime(ear.samples.length)) - 1000;
  const [early, late] = [envelope(mouth, mouthTime, begin, end), envelope(ear, earTime, begin, end)];
  const rows = delays(early, late, { length: 600, step: 100, most: 600 }).filter(({ likeness }) => likeness > 0.8);
  const whole = samplesOf(readFileSync(file).subarray(44).toString("base64"));
  const length = (whole.length / 48_000) * 1000;
  const ofFile = envelope({ rate: 48_000, samples: whole }, (sample) => sample / 48, 0, length);
  const { at: offset } = positionIn(Float32Array.from([...ofFile, ...ofFile.subarray(0, 8000)]), early.subarray(0, 8000));
  const brought = unwound(ear, earTime, rows, begin, end, said.rate);
  const spoken = unwound(mouth, mouthTime, [{ middle: 0, ms: 0 }], begin, end, said.rate);
  const changes = forms.filter(({ microphone }, index) => index > 0 && microphone !== forms[index - 1].microphone).map(({ at }) => at);
  const [kept, keptSaid] = [[], []];
  let inModel = 0;
  for (const { at, microphone } of forms) {
    if (at < begin || at + 50 > end || microphone !== "model") continue;
    inModel += 1;
    const position = (at - begin + offset) % length;
    if (position < LEARNED_S.voice * 1000 || changes.some((change) => Math.abs(change - at) < MARGIN_MS)) continue;
    const from = Math.round(((at - begin) * said.rate) / 1000);
    const count = Math.round(said.rate / 20);
    kept.push(...brought.subarray(from, from + count));
    keptSaid.push(...spoken.subarray(from, from + count));
  }
  const scores = scoreVoice(keptSaid, kept, said.rate, python.voice);
  return {
    ...scores,
    seconds: Math.round(kept.length / said.rate),
    shareInModel: rounded(inModel / forms.filter(({ at }) => at >= begin && at + 50 <= end).length, 2),
    likeness: rounded(rows.reduce((sum, row) => sum + row.likeness, 0) / rows.length, 3),
  };
}

/** VMAF-NEG of what was drawn of the part that the lab measures with. */
function faceOf({ bursts, forms }, source) {
  const pairs = [];
  let shownSize = null;
  let drawn = 0;
  for (const burst of bursts.filter(({ times }) => times.length > 1)) {
    shownSize ??= [burst.width, burst.height];
    if (burst.width !== shownSize[0]) continue;
    drawn += burst.times.length;
    identified(source, burst, CLIP_RATE).forEach((index, at) => {
      if (index < LEARNED_S.face * CLIP_RATE) return;
      const size = burst.width * burst.height;
      pairs.push({ shown: burst.luma.subarray(at * size, (at + 1) * size), source: source.picture(index) });
    });
  }
  const shareInModel = rounded(forms.filter(({ camera }) => camera === "model").length / forms.length, 2);
  if (pairs.length === 0) return { pictures: 0, shareInModel };
  const { face, frame } = vmafNeg(pairs, shownSize, [source.width, source.height], python.face);
  const bright = brightness(pairs);
  return {
    vmafNeg: rounded(face, 1),
    frameVmafNeg: rounded(frame, 1),
    pictures: pairs.length,
    perSecond: rounded(drawn / ((bursts.length * BURST_MS) / 1000), 1),
    shareInModel,
    drawn: shownSize,
    brightness: bright && bright.map((value) => rounded(value, 3)),
  };
}

function rounded(value, digits) {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}
