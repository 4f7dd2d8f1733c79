// Voluntary switches between raw and model form: nobody hears or sees them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { percentile, report } from "../rig/figures.js";
import { playedAs, timeTellers } from "../rig/models-room.js";
import { startNode, UNLIMITED } from "../rig/node.js";

const SWITCHES = 20;
/** Of the source, that a switch may repeat or skip, ms. */
const MOST_SKIPPED_MS = 20;
/**
 * Longest time for which a picture may stand still, ms, and a refresh of the screen. A machine without
 * time lets pictures stand still where nothing is switched, too: then no longer than those.
 */
const MOST_STILL_MS = 100 + 17;
/** What a clean tone, and a fade between two, never exceed: see page/hear.js. */
const MOST_CLICK = 0.1;

let node, browser;
before(async () => {
  [node, browser] = await Promise.all([startNode({ name: "models-switching", environment: UNLIMITED }), launch()]);
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

test("twenty switches: most repeat or skip at most 20 ms, without a click or a still picture", { timeout: 230_000 }, async () => {
  const { bob, leave } = await timeTellers(browser, node, { room: "turns" });
  await bob.evaluate(async () => {
    globalThis.recording = await recordSound(room);
    globalThis.watching = watchTile(document.querySelector("figure"));
  });
  for (let turn = 0; turn < SWITCHES; turn += 1) {
    const raw = turn % 2 === 0;
    await new Promise((done) => setTimeout(done, 1200));
    await bob.evaluate((policy) => room.models.setPolicy(policy), raw ? "quality" : "frugal");
    for (const source of ["microphone", "camera"]) await playedAs(bob, source, raw ? "raw" : "model");
  }
  await new Promise((done) => setTimeout(done, 1500));
  const { switches, noise, stills } = await bob.evaluate(() => {
    const sound = recording.stop();
    const rows = latencies(sound);
    const frames = watching.stop();
    const turns = formLog.filter((state, at) => at > 0 && state.at > sound.originMs + 500 && changed(state, at));
    function changed(state, at) {
      const before = formLog.slice(0, at).reverse().find((other) => other.source === state.source);
      return before && before.form !== state.form;
    }
    // What the measurement makes of moments at which nothing happens.
    const quiet = turns.filter(({ source }) => source === "microphone").map(({ at }) => {
      const moment = at + 650;
      const [before, behind] = [latencyAt(rows, moment - 420, moment - 30, moment), latencyAt(rows, moment + 40, moment + 430, moment)];
      return before === null || behind === null ? null : Math.abs(behind - before);
    });
    const measured = turns.map(({ at, source, form }) => {
      if (source === "camera") return { source, form, still: longestStill(frames, at - 400, at + 400), black: frames.some((frame) => frame.black && Math.abs(frame.at - at) < 400) };
      // From the word to the ear: to the audio thread, the fade, and the way to the loudspeaker.
      const moment = at + 20 + room.models.output().latency;
      const before = latencyAt(rows, moment - 420, moment - 30, moment);
      const behind = latencyAt(rows, moment + 40, moment + 430, moment);
      return { source, form, before, behind, click: loudestClick(sound, at - 50, at + 250), dip: deepestDip(sound, at - 50, at + 250) };
    });
    const stills = turns.filter(({ source }) => source === "camera").map(({ at }) => longestStill(frames, at + 450, at + 1250));
    return { switches: measured, stills, noise: quiet.filter((value) => value !== null) };
  });
  await leave();
  const voices = switches.filter(({ source }) => source === "microphone");
  const faces = switches.filter(({ source }) => source === "camera");
  const skipped = voices.filter(({ before, behind }) => before !== null && behind !== null).map(({ before, behind }) => Math.abs(behind - before));
  report("b-models-switching", {
    switches: voices.length,
    skippedP50: Math.round(percentile(skipped, 0.5)),
    skippedMax: Math.round(Math.max(...skipped)),
    noiseP50: Math.round(percentile(noise, 0.5)),
    noiseMax: Math.round(Math.max(...noise)),
    clickMax: Math.max(...voices.map(({ click }) => click)),
    dipMin: Math.min(...voices.map(({ dip }) => dip)),
    stillMax: Math.round(Math.max(...faces.map(({ still }) => still))),
    stillElsewhere: Math.round(Math.max(...stills)),
    voices: voices.map(({ form, before, behind, click, dip }) => [form, before && Math.round(before), behind && Math.round(behind), +click.toFixed(3), +dip.toFixed(2)]),
    faces: faces.map(({ form, still }) => [form, Math.round(still)]),
  });
  assert.ok(voices.length >= SWITCHES - 1, `${voices.length} switches of the voice`);
  assert.ok(faces.length >= SWITCHES - 1, `${faces.length} switches of the picture`);
  // Near a turn of the tone the time cannot be read, nor where the page had no processor time. What the
  // worst of them came to is printed above.
  assert.ok(skipped.length >= SWITCHES / 4, `${skipped.length} switches could be measured`);
  // Behind what the same measurement makes of moments at which nothing happens.
  const most = MOST_SKIPPED_MS + percentile(noise, 0.5);
  assert.ok(percentile(skipped, 0.5) <= most, JSON.stringify({ skipped: skipped.map(Math.round), noise: noise.map(Math.round) }));
  const clicks = voices.map(({ click }) => click);
  assert.ok(percentile(clicks, 0.9) <= MOST_CLICK, JSON.stringify(clicks));
  const mostStill = Math.max(MOST_STILL_MS, ...stills);
  assert.ok(percentile(faces.map(({ still }) => still), 0.5) <= mostStill, JSON.stringify({ faces, stills }));
  assert.ok(faces.every(({ black }) => !black), "a black picture");
});
