// From mouth to ear, raw and in model form: a real voice in a Chromium's microphone, as another one
// plays it, over a line that takes nothing. VOICES is one file of speech; CLIPS, if there, of a person on
// camera, who is then learned and seen as well; SECONDS how long each form is measured (30).
//
// A sound begins where the browser says that its microphone had taken it, all of its 10 ms, and ends at
// the ear: where the audio context of the page says that what it plays is heard.

import { loadavg } from "node:os";

import { launch } from "../rig/chromium.js";
import { median, percentile, report } from "../rig/figures.js";
import { shoot } from "../rig/meeting-page.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { camera, enterAsListener, enterAsSpeaker, files, microphone, openHeard, recordMicrophone, recordPlayed } from "../rig/real-people.js";
import { delays, envelope, samplesOf, timeOf } from "../rig/sound.js";

const [[voice], [clip]] = [files("VOICES"), files("CLIPS")];
const SECONDS = Number(process.env.SECONDS ?? 30);
const FLUSH_MS = Number(process.env.FLUSH_MS ?? 20);
/** For which nothing is measured behind a change: delays come down slowly. */
const SETTLE_S = Number(process.env.SETTLE ?? 20);
/** Until a voice, and a face, is learned and played, ms. */
const LEARNED_MS = 240_000;
/** What a delay is told from, ms; all of it is in one form. */
const WINDOW_MS = 3000;
/** What a window must be like to tell of a delay. */
const LEAST_LIKENESS = 0.7;
const MUST_MS = 220;
const BLOCK_MS = 80;
const SIZE = { width: 1000, height: 640 };
const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

if (!voice) console.log("SKIPPED: mouth to ear: VOICES names no voice");
else await meet();

async function meet() {
  const sources = clip ? ["microphone", "camera"] : ["microphone"];
  const environment = { ...UNLIMITED, SOTTO_MODELS_POLICY: "quality", SOTTO_MODELS_BUNDLE_INTERVAL_MS: String(FLUSH_MS) };
  const node = await startNode({ name: "mouth-to-ear", environment });
  const devices = { voice: microphone(voice, "mouth-to-ear"), ...(clip && { camera: camera(clip, "mouth-to-ear") }) };
  const [speaking, listening] = [await launch(devices), await launch()];
  const speaker = await openHeard(speaking, node, "near", { size: SIZE });
  const listener = await openHeard(listening, node, "near", { size: SIZE });
  try {
    await enterAsListener(listener);
    await enterAsSpeaker(speaker, "Speaker", sources);
    if (!clip) await speaker.getByTestId("camera").click();
    await wait(SETTLE_S);
    const raw = await measure(speaker, listener, "raw");
    await listener.getByTestId("models-policy").selectOption("frugal");
    for (const source of sources) await inModelForm(listener, source);
    await wait(SETTLE_S);
    const model = await measure(speaker, listener, "model");
    report("mouth-to-ear", { flushMs: FLUSH_MS, sources, raw, model, within: model.p50 !== null && model.p50 <= MUST_MS });
  } finally {
    await shoot(listener, "mouth-to-ear");
    await shoot(speaker, "mouth-to-ear-speaker");
    await Promise.all([speaking.close(), listening.close()]);
    await node.stop();
  }
}

function inModelForm(page, source) {
  return page.locator(`[data-testid=models-forms] [data-source=${source}][data-form=model]`).first().waitFor({ timeout: LEARNED_MS });
}

/** Records both ends for a while: delays in windows of 3 s, and what they are made of. */
async function measure(speaker, listener, form) {
  const [mouth, ear] = [await recordMicrophone(speaker), await recordPlayed(listener)];
  await listener.evaluate(() => globalThis.takeReports());
  const watch = await listener.evaluateHandle(() => globalThis.watchForms());
  await wait(SECONDS);
  const [said, played, forms] = await Promise.all([mouth, ear, watch].map((recording) => recording.evaluate((one) => one.stop())));
  const reports = await listener.evaluate(() => globalThis.takeReports());
  const isForm = (begin, end) => forms.every(({ at, microphone }) => at < begin || at > end || microphone === form);
  const rows = windows(said, played).filter(({ at, likeness }) => likeness >= LEAST_LIKENESS && isForm(at, at + WINDOW_MS));
  const ms = rows.map((row) => row.ms);
  const round = (value) => (value === undefined ? null : Math.round(value));
  return {
    p50: round(median(ms)),
    p95: round(percentile(ms, 0.95)),
    windows: rows.length,
    likeness: Number((median(rows.map(({ likeness }) => likeness)) ?? 0).toFixed(2)),
    formShare: Number((forms.filter(({ microphone }) => microphone === form).length / forms.length).toFixed(2)),
    outputMs: round(played.outputMs),
    handedOverMs: round(median(said.pieces.map(({ at, captured }) => at - captured))),
    ...(form === "model" && { stages: stages(reports) }),
    load: Number(loadavg()[0].toFixed(1)),
  };
}

/** Delays between two recordings. */
function windows(said, played) {
  const [mouth, ear] = [said, played].map(({ rate, samples }) => ({ rate, samples: samplesOf(samples) }));
  const pieceMs = (said.pieces[1].first / said.rate) * 1000;
  // As if the first sample of a piece had been taken when the piece began.
  const pieces = said.pieces.map(({ first, captured }) => ({ first, at: captured - pieceMs }));
  const [mouthTime, earTime] = [timeOf(pieces, said.rate), timeOf(played.pieces, played.rate)];
  const begin = Math.max(mouthTime(0), earTime(0));
  const end = Math.min(mouthTime(mouth.samples.length), earTime(ear.samples.length));
  const rows = delays(envelope(mouth, mouthTime, begin, end), envelope(ear, earTime, begin, end), { length: WINDOW_MS });
  return rows.map((row) => ({ ...row, at: begin + row.at }));
}

/** Medians of what the way from a block's beginning to the ear is made of, ms. */
function stages(reports) {
  const VOICE = 1;
  const arrived = reports.filter(({ type, plugin }) => type === "arrived" && plugin === VOICE);
  const clocks = reports.filter(({ type }) => type === "clock");
  const transits = arrived.map(({ media, at }) => (at - media) % 2 ** 32);
  const played = median(clocks.map(({ delay }) => delay % 2 ** 32));
  const round = (value) => (value === undefined ? null : Math.round(value));
  return {
    blockMs: BLOCK_MS,
    toListenerMs: { least: round(Math.min(...transits) - BLOCK_MS), p50: round(median(transits) - BLOCK_MS), p98: round(percentile(transits, 0.98) - BLOCK_MS) },
    heldMs: round(played - median(transits)),
    fromBeginningToEarMs: round(played),
  };
}
