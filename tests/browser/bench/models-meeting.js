// A meeting on the meeting page that gets lighter: people in front of real cameras and microphones,
// and one who only watches and listens, second by second. CLIPS and VOICES are files of one person
// each; SECONDS how long (90); POLICY how the listener is served (frugal). Writes a chart.
//
// Counted is all that the listener's line carries: UDP with its and IP's headers, and models over HTTP.

import { join } from "node:path";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { shoot } from "../rig/meeting-page.js";
import { startNode } from "../rig/node.js";
import { artifacts } from "../rig/paths.js";
import { camera, enterAsListener, enterAsSpeaker, files, microphone } from "../rig/real-people.js";

const [clips, voices] = [files("CLIPS"), files("VOICES")];
const SECONDS = Number(process.env.SECONDS ?? 90);
const POLICY = process.env.POLICY ?? "frugal";
/** Until a raw picture has its size. */
const RISING_S = 8;
/** IPv4 and UDP around what a browser counts. */
const HEADERS = 28;
const SIZE = { width: 1000, height: 640 };

if (clips.length === 0 || clips.length !== voices.length) {
  console.log("SKIPPED: a meeting that gets lighter: CLIPS and VOICES name as many people on camera as voices");
} else {
  await meet();
}

async function meet() {
  const node = await startNode({ name: "models-meeting", environment: { SOTTO_MODELS_POLICY: POLICY } });
  const browsers = [];
  const open = async (devices) => {
    const browser = await launch(devices);
    browsers.push(browser);
    return browser.open(`${node.origin}/room/lighter`, { size: SIZE });
  };
  try {
    const listener = await open({});
    await enterAsListener(listener);
    const began = performance.now();
    for (const [at, clip] of clips.entries()) {
      const name = `models-meeting-${at}`;
      const page = await open({ camera: camera(clip, name), voice: microphone(voices[at], name) });
      await enterAsSpeaker(page, `Speaker ${at + 1}`, ["microphone", "camera"]);
    }
    const rows = [];
    for (let second = 1; second <= SECONDS; second += 1) {
      await new Promise((done) => setTimeout(done, Math.max(0, began + second * 1000 - performance.now())));
      rows.push(await listener.evaluate(look));
    }
    await shoot(listener, "models-meeting");
    const seconds = rates(rows);
    report("models-meeting", { people: clips.length, policy: POLICY, ...figuresOf(seconds, rows) });
    await chart(browsers[0], node, seconds);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
    await node.stop();
  }
}

/** Runs in the listener's page: what has come so far, and in which form everybody is. */
async function look() {
  let [bytes, packets] = [0, 0];
  for (const connection of seen.connections) {
    for (const row of (await connection.getStats()).values()) {
      if (row.type !== "transport") continue;
      bytes += row.bytesReceived;
      packets += row.packetsReceived;
    }
  }
  const fetched = performance.getEntriesByType("resource").filter(({ name }) => name.includes("/v1/models/"));
  const forms = [...document.querySelectorAll("[data-testid=models-forms] [data-form]")].map(({ dataset }) => [dataset.source, dataset.form]);
  return { at: performance.now(), bytes, packets, models: fetched.reduce((sum, { transferSize }) => sum + transferSize, 0), forms };
}

/** From counters to a row a second: bit/s of media, bytes of models, how many are in model form. */
function rates(rows) {
  return rows.slice(1).map((row, at) => {
    const before = rows[at];
    const wire = row.bytes - before.bytes + HEADERS * (row.packets - before.packets);
    const inModel = (source) => row.forms.filter(([of, form]) => of === source && form === "model").length;
    return {
      second: at + 2,
      mediaBps: Math.round((wire * 8000) / (row.at - before.at)),
      modelBytes: row.models - before.models,
      voices: inModel("microphone"),
      faces: inModel("camera"),
    };
  });
}

function figuresOf(seconds, rows) {
  const mean = (of) => (of.length === 0 ? null : Math.round(of.reduce((sum, { mediaBps }) => sum + mediaBps, 0) / of.length));
  const people = clips.length;
  const first = seconds.findIndex(({ voices, faces }) => voices + faces > 0);
  const learned = seconds.findIndex(({ voices }) => voices === people);
  const raw = mean(seconds.slice(RISING_S, first < 0 ? undefined : first));
  const steady = mean(seconds.filter(({ voices, faces }) => voices === people && faces === people));
  const behind = learned < 0 ? [] : seconds.slice(learned);
  const whole = mean(behind);
  const share = (of) => (behind.length === 0 ? 0 : Number((behind.reduce((sum, row) => sum + row[of], 0) / behind.length / people).toFixed(2)));
  const modelBytes = rows.at(-1).models;
  const over = (minutes) => (steady === null ? null : Math.round(steady + (modelBytes * 8) / (60 * minutes)));
  return {
    rawBps: raw,
    allInModelFormBps: steady,
    ratio: raw && steady ? Number((raw / steady).toFixed(1)) : null,
    modelBytes,
    over10MinutesBps: over(10),
    over30MinutesBps: over(30),
    sinceVoicesLearnedBps: whole,
    shareOfTime: { voices: share("voices"), faces: share("faces") },
    firstModelS: first < 0 ? null : seconds[first].second,
    voicesLearnedS: learned < 0 ? null : seconds[learned].second,
  };
}

/** The rows as a picture. */
async function chart(browser, node, seconds) {
  const [width, height, left, bottom] = [960, 360, 70, 40];
  const most = Math.max(...seconds.map(({ mediaBps, modelBytes }) => mediaBps + modelBytes * 8));
  const x = (second) => left + ((second - 1) * (width - left - 10)) / SECONDS;
  const y = (bps) => height - bottom - (bps * (height - bottom - 30)) / most;
  const bar = (second, from, bps, colour) =>
    `<rect x="${x(second)}" y="${y(from + bps)}" width="${x(2) - x(1)}" height="${y(from) - y(from + bps)}" fill="${colour}"/>`;
  const colourOf = ({ voices, faces }) => (voices + faces === 2 * clips.length ? "#1a6a57" : voices + faces > 0 ? "#5aa892" : "#8a96a3");
  const bars = seconds.map((row) => bar(row.second, 0, row.mediaBps, colourOf(row)) + bar(row.second, row.mediaBps, row.modelBytes * 8, "#d08b2f"));
  const lines = [0, 0.25, 0.5, 0.75, 1].map((part) => `<text x="${left - 8}" y="${y(part * most) + 4}" text-anchor="end">${Math.round((part * most) / 1000)}</text><line x1="${left}" x2="${width - 10}" y1="${y(part * most)}" y2="${y(part * most)}" stroke="#ccd"/>`);
  const times = [...Array(Math.floor(SECONDS / 15) + 1).keys()].map((at) => `<text x="${x(at * 15 + 1)}" y="${height - 20}" text-anchor="middle">${at * 15} s</text>`);
  const legend = [["#8a96a3", "raw"], ["#5aa892", "some in model form"], ["#1a6a57", "everybody in model form"], ["#d08b2f", "the models themselves"]];
  const keys = legend.map(([colour, text], at) => `<rect x="${left + at * 220}" y="6" width="12" height="12" fill="${colour}"/><text x="${left + at * 220 + 17}" y="16">${text}</text>`);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${lines.join("")}${bars.join("")}${times.join("")}${keys.join("")}<text x="6" y="${height - 4}">kbit/s to one listener, all headers counted; ${clips.length} seen and heard</text></svg>`;
  const html = `<!doctype html><title>chart</title><style>body { margin: 0; overflow: hidden }</style>${svg}`;
  const page = await browser.open(`${node.origin}/models-meeting-chart`, { html, size: { width, height } });
  await page.screenshot({ path: join(artifacts, "models-meeting-chart.png") });
}
