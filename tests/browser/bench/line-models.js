// A meeting of five over a line of 64 kbit/s, 300 ms of round trip and 5 % loss towards the one who
// listens: with models that come over it, with models that were there before it became like that, and without:
// how much of each voice is missing, how many pictures there are of each face, in which form and why.
// RECORDINGS is a folder of what `sotto-lab record` wrote, of which the four others are made; SECONDS how
// long each is measured (150); POLICY how the listener is served (frugal); WAYS which of the three.
//
// The listener's page, and the codec, are there before the line is as it is.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { createInterface } from "node:readline";

import { median, report } from "../rig/figures.js";
import { shoot } from "../rig/meeting-page.js";
import { makeLine, NODE_ADDRESS } from "../rig/netns.js";
import { startNode } from "../rig/node.js";
import { program } from "../rig/paths.js";
import { enterAsListener, openHeard } from "../rig/real-people.js";

const { RECORDINGS } = process.env;
const SECONDS = Number(process.env.SECONDS ?? 150);
const POLICY = process.env.POLICY ?? "frugal";
const OTHERS = 4;
/** A queue of half a second. */
const LINE = { down: { rate: 64_000, queue: 4000, delayMs: 150, loss: 0.05 }, up: { delayMs: 150 } };
const OPEN = { down: { rate: 1e9, queue: 1e7, delayMs: 0, loss: 0 }, up: { delayMs: 0 } };
/** Until the listener's page has the codec, ms. */
const CODEC_MS = 8000;
/** The end of the time, over which it is steady. */
const STEADY_S = 60;
/** A voice of which less is missing is usable, and a face of which there are so many pictures a second. */
const [USABLE_GAP, USABLE_PICTURES] = [0.2, 4];
const MUST = { gap: 0.02, pictures: 8 };
/** Until recorded people have given all their models, and those are held, ms. */
const HELD_MS = 60_000;
/** Whether there are models, and whether they are held before the line is narrow. */
const WAYS = {
  with: { models: true, held: false },
  held: { models: true, held: true },
  without: { models: false, held: false },
};
const peopleWatch = readFileSync(new URL("../page/peoplewatch.js", import.meta.url), "utf8");
const wait = (ms) => new Promise((done) => setTimeout(done, Math.max(0, ms)));

if (!RECORDINGS) console.log("SKIPPED: models over a narrow line: RECORDINGS names no folder of what `sotto-lab record` wrote");
else {
  const line = await makeLine();
  for (const way of process.env.WAYS?.split(",") ?? Object.keys(WAYS)) {
    await line.shape(OPEN);
    report(`line-models-${way}`, await meet(line, way));
  }
  await line.close();
}

async function meet(line, way) {
  const { models, held } = WAYS[way];
  const environment = { SOTTO_MODELS_POLICY: POLICY, SOTTO_MODELS_ENABLED: String(models) };
  const node = await startNode({ name: "line-models", address: NODE_ADDRESS, environment });
  const browser = await line.launch(node);
  let others = null;
  try {
    const page = await openHeard(browser, node, "far", { size: { width: 1100, height: 640 }, scripts: [peopleWatch] });
    await enterAsListener(page, { models });
    await wait(CODEC_MS);
    if (!held) await line.shape(LINE);
    others = await attend(node, "far", models);
    if (held) {
      await wait(HELD_MS);
      await line.shape(LINE);
    }
    await line.count();
    await page.evaluate(() => globalThis.lookAtPeople());
    const seconds = [];
    const began = performance.now();
    for (let second = 1; second <= SECONDS; second += 1) {
      await wait(began + second * 1000 - performance.now());
      const { rows } = await page.evaluate(() => globalThis.lookAtPeople());
      const { down } = await line.count();
      seconds.push({ second, rows, bytes: down.passedBytes, queueMs: down.queueMsP95 });
    }
    const modelBytes = await page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/v1/models/")).reduce((sum, { transferSize }) => sum + transferSize, 0));
    await shoot(page, `line-models-${way}`);
    return figuresOf(seconds, modelBytes);
  } finally {
    others?.stdin.end();
    await browser.close();
    await node.stop();
  }
}

/** Recorded people in the room. */
async function attend(node, room, models) {
  const words = ["attend", "--url", node.signal, "--room", room, "--people", String(OTHERS), "--recordings", RECORDINGS];
  const child = spawn(program("sotto-load"), models ? words : [...words, "--raw"], { stdio: ["pipe", "pipe", "inherit"] });
  for await (const said of createInterface({ input: child.stdout })) if (said === "joined") return child;
  throw new Error("sotto-load ended before everybody had joined");
}

function figuresOf(seconds, modelBytes) {
  const names = [...new Set(seconds.flatMap(({ rows }) => rows.map(({ name }) => name)))].sort();
  const people = names.map((name) => {
    const own = seconds.map(({ second, rows }) => ({ second, ...rows.find((row) => row.name === name) })).filter((row) => row.name);
    const steady = own.slice(-STEADY_S);
    const mean = (rows, key) => rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
    const share = (rows, key) => rounded(rows.filter((row) => row[key] === "model").length / rows.length, 2);
    const first = (fits) => own.find(fits)?.second ?? null;
    return {
      name,
      gap: rounded(mean(steady, "gap"), 3),
      pictures: rounded(mean(steady, "pictures"), 1),
      inModel: { voice: share(steady, "voice"), face: share(steady, "face") },
      wholeTime: { gap: rounded(mean(own, "gap"), 3), pictures: rounded(mean(own, "pictures"), 1), voice: share(own, "voice"), face: share(own, "face") },
      usableS: { voice: first(({ gap }) => gap <= USABLE_GAP), face: first(({ pictures }) => pictures >= USABLE_PICTURES) },
      reasons: { voice: counted(steady, "voiceReason"), face: counted(steady, "faceReason") },
    };
  });
  const bps = (rows) => Math.round((rows.reduce((sum, { bytes }) => sum + bytes, 0) * 8) / rows.length);
  const [gap, pictures] = ["gap", "pictures"].map((key) => rounded(people.reduce((sum, person) => sum + person[key], 0) / people.length, 3));
  return {
    policy: POLICY,
    gap,
    pictures,
    downBps: bps(seconds.slice(-STEADY_S)),
    wholeTimeBps: bps(seconds),
    queueMsP95: median(seconds.map(({ queueMs }) => queueMs)),
    modelBytes,
    within: people.length === OTHERS && people.every((person) => person.gap <= MUST.gap && person.pictures >= MUST.pictures),
    people,
    load: rounded(loadavg()[0], 1),
  };
}

/** How many seconds each reason to be raw was said. */
function counted(rows, key) {
  const counts = {};
  for (const row of rows) counts[row[key] ?? "none"] = (counts[row[key] ?? "none"] ?? 0) + 1;
  return counts;
}

function rounded(value, digits) {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}
