// Rooms of people in model form, and a page that gets their bundles: what the files of both browsers
// share.
//
// Lateness is measured from when a publisher sends a packet (its payload says so) to when the library's
// worker finds the entry in a bundle: upload, waiting for the bundle, download, the browser. Judged is
// what is left of it without the time in which the machine kept anything waiting; all is printed.

import assert from "node:assert/strict";

import { judge, VOICES } from "./bundles.js";
import { report } from "./figures.js";
import { waitedBetween, watchMachine } from "./machine.js";
import { startNative } from "./native.js";
import { startNode, UNLIMITED } from "./node.js";

/** People of the rooms, and blocks of each face that are measured, 80 ms each. */
const BLOCKS = { 2: 60, 9: 40, 25: 30 };
const SIZES = Object.keys(BLOCKS).map(Number);
/** How bundles travel. */
const WAYS = ["rtp", "data"];
/** As the node bundles where the line carries 256 kbit/s, pinned so that it is known. */
const INTERVAL_MS = 40;
/** Beyond it: the grid of bundles, the way there and back, the browser. */
const ALLOWED_MS = 20;
/** Small: painting 25 of them is not what is tested, and there is no graphics processor. */
const TILE = { width: 96, height: 54 };
const EVENTUALLY_MS = 30_000;

/** A node with a room of each size, everybody in it: `{ node, rooms, close() }`. */
export async function startRooms(options) {
  const environment = { ...UNLIMITED, SOTTO_MODELS_BUNDLE_INTERVAL_MS: String(INTERVAL_MS) };
  const node = await startNode({ ...options, environment });
  const crowds = SIZES.map((size) => {
    const name = `crowd${size}`;
    return startNative(node, { room: name, name, arguments: ["--crowd", String(size)] });
  });
  const close = async () => {
    await Promise.all(crowds.map((crowd) => crowd.leave()));
    await node.stop();
  };
  try {
    await Promise.all(crowds.map((crowd) => crowd.event(({ event }) => event === "ready", "everybody's models", EVENTUALLY_MS)));
  } catch (error) {
    await close();
    throw error;
  }
  const joined = (crowd) => crowd.events.filter(({ event }) => event === "joined");
  return { node, rooms: crowds.map((crowd, index) => ({ room: `crowd${SIZES[index]}`, people: joined(crowd) })), close };
}

/**
 * Measures each room both ways, in a page of `open()` each, and holds it against what is promised.
 * `sound`: whether voices are asked for too.
 */
export async function measureRooms(browser, { node, rooms }, { open, sound = true }) {
  for (const way of WAYS) {
    for (const { room, people } of rooms) {
      const page = await open();
      const figures = await measure(page, node, { room, people, way, sound });
      await page.close();
      report(`a-models-bundles-${browser}-${way}-${people.length}`, figures);
      const said = `${browser}, ${way}, ${people.length} people: ${JSON.stringify(figures)}`;
      assert.equal(figures.transport, way, said);
      assert.equal(figures.faces, people.length, said);
      assert.ok(figures.voices >= (sound ? Math.min(people.length, VOICES) : 0), said);
      const { brokenBundles, broken, misattributed, misnumbered } = figures;
      assert.deepEqual([brokenBundles, broken, misattributed, misnumbered], [0, 0, 0, 0], said);
      assert.ok(figures.lostOfFaces + figures.lostOfVoices <= 0.01 * figures.entries, said);
      assert.ok(figures.latenessCertain.p99 <= INTERVAL_MS + ALLOWED_MS, said);
    }
  }
}

/** What one page gets of a room. */
async function measure(page, node, { room, people, way, sound }) {
  const token = await node.token(room, "watcher");
  const size = people.length;
  const entering = { audioSlots: VOICES, videoSlots: size, policy: "frugal", tile: TILE, transport: way, sound };
  await page.evaluate((all) => enter(all), { signal: node.signal, token, ...entering });
  const settledMs = await page.evaluate((limit) => playedAs("camera", "model", limit), EVENTUALLY_MS);
  const wanted = { blocks: BLOCKS[size], faces: size, voices: sound ? Math.min(size, VOICES) : 0, limit: EVENTUALLY_MS };
  const machine = watchMachine();
  const { rows, counts, transport, forms } = await page.evaluate(async (all) => {
    const watching = watchBundles(room);
    await watching.until(all);
    const forms = room.models.forms.map(({ source, form, reason }) => `${source} ${form} ${reason ?? ""}`.trim());
    return { ...watching.stop(), forms };
  }, wanted);
  const looks = machine.stop();
  await page.evaluate(() => room.leave());
  return {
    transport,
    intervalMs: INTERVAL_MS,
    settledMs: Math.round(settledMs),
    ...judge(rows, people, looks),
    machineWaited: waitedShare(looks),
    bundles: counts.bundles,
    brokenBundles: counts.broken,
    repeats: counts.repeats,
    forms: tally(forms),
  };
}

/** The share of the time in which something waited for a processor. */
function waitedShare(looks) {
  const [first, last] = [looks[0], looks.at(-1)];
  return Number((waitedBetween(looks, first.at, last.at) / (last.at - first.at)).toFixed(2));
}

function tally(words) {
  return words.reduce((counts, word) => ({ ...counts, [word]: (counts[word] ?? 0) + 1 }), {});
}
