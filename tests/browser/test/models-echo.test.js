// Voices that are made from models are in the echo canceller's reference: a microphone into which
// the loudspeaker leads straight hears next to nothing of what goes their way. (Something like speech
// does, as no canceller learns from a tone, which is all that the test plug-in makes.)

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { makeAcoustics, whyNoAcoustics } from "../rig/acoustics.js";
import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { openModelsPage } from "../rig/models-page.js";
import { startNode, UNLIMITED } from "../rig/node.js";

const missing = whyNoAcoustics();
/** What has to be heard without a canceller, and by how much less with one, dB. */
const LOUD_DB = -40;
const CANCELLED_DB = 25;
/** Time that a canceller is given to learn the way from loudspeaker to microphone. */
const SETTLE_MS = 5000;
const MEASURE_MS = 4000;

let node, acoustics;
before(async () => {
  if (missing) return;
  [node, acoustics] = await Promise.all([startNode({ name: "models-echo", environment: UNLIMITED }), makeAcoustics()]);
});
after(async () => {
  await acoustics?.close();
  await node?.stop();
});

/** How much less a model voice may be cancelled than a raw one, dB (must) … */
const WORSE_DB = 3;
/** … unless it is by this: what is left is below a quiet room, and moves by 10 dB from time to time. */
const INAUDIBLE_DB = 40;

/**
 * Loudness of a microphone beside a voice, dBFS, without and with a canceller. `way`: how the voice
 * gets to the loudspeaker: "model", as those of models do; "raw", as those of slots beside models do;
 * "element", as a page plays them that has no models.
 */
async function loudness(browser, { name, way, route }) {
  const bob = await openModelsPage(browser, node);
  const token = await node.token(`echo-${name}`, "Bob");
  await bob.evaluate((all) => enter(all), { signal: node.signal, token });
  const [without, cancelled] = await bob.evaluate(async ([way, route, settle, measure]) => {
    const output = room.models.output();
    await output.resume();
    if (route) await output.setRoute(route);
    const voice = speechLike(output.context);
    if (way === "model") {
      voice.connect(output.input);
    } else {
      const track = await overConnection(output.context, voice);
      const element = new Audio();
      element.srcObject = new MediaStream([track]);
      element.muted = way === "raw";
      await element.play();
      if (way === "raw") output.context.createMediaStreamSource(element.srcObject).connect(output.input);
    }
    const measured = async (echoCancellation) => {
      const plain = { noiseSuppression: false, autoGainControl: false };
      const stream = await nativeMicrophone({ ...plain, echoCancellation });
      const context = new AudioContext();
      const analyser = new AnalyserNode(context, { fftSize: 2048 });
      context.createMediaStreamSource(stream).connect(analyser);
      await new Promise((done) => setTimeout(done, settle));
      const samples = new Float32Array(2048);
      const levels = [];
      const end = performance.now() + measure;
      while (performance.now() < end) {
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
        levels.push(10 * Math.log10(power + 1e-12));
        await new Promise((done) => setTimeout(done, 50));
      }
      levels.sort((a, b) => a - b);
      stream.getTracks().forEach((track) => track.stop());
      await context.close();
      // The middle one: a canceller has to learn anew where the sound was interrupted.
      return levels[Math.floor(levels.length / 2)];
    };
    return [await measured(false), await measured(true)];
  }, [way, route, SETTLE_MS, MEASURE_MS]);
  await bob.evaluate(() => room.leave());
  await bob.close();
  report(`f-models-echo-${name}`, { without: Math.round(without), cancelled: Math.round(cancelled) });
  assert.ok(without >= LOUD_DB, `only ${without} dB without a canceller`);
  assert.ok(cancelled <= without - CANCELLED_DB, `${cancelled} dB of ${without}`);
  return without - cancelled;
}

test("a browser that cancels all it plays cancels model voices as it cancels raw ones", { skip: missing ?? false, timeout: 120_000 }, async () => {
  const browser = await launch({ room: acoustics });
  try {
    const model = await loudness(browser, { name: "model", way: "model", route: null });
    const raw = await loudness(browser, { name: "raw", way: "raw", route: null });
    const element = await loudness(browser, { name: "element", way: "element", route: null });
    report("f-models-echo-attenuation", { model: Math.round(model), raw: Math.round(raw), element: Math.round(element) });
    assert.ok(model >= Math.min(raw - WORSE_DB, INAUDIBLE_DB), `${model} dB of a model voice, ${raw} of a raw one`);
  } finally {
    await browser.close();
  }
});

test("one that cancels only what comes over connections cancels them by the loopback", { skip: missing ?? false, timeout: 90_000 }, async () => {
  const browser = await launch({ room: acoustics, flags: ["--disable-features=ChromeWideEchoCancellation"] });
  try {
    await loudness(browser, { name: "loopback", way: "model", route: "loopback" });
  } finally {
    await browser.close();
  }
});
