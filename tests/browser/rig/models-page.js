// A page of nothing but the client library, with models: of the test plug-ins, whose media tell the
// time (page/timeteller.js).

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where it stands. */
export const MODELS_PATH = "/models-page";

/** Where it finds the codec with the test plug-ins, which no node serves. */
const CODEC_PATH = "/test-codec.wasm";
const CODEC_FILE = fileURLToPath(new URL("../sotto-codec-test.wasm", import.meta.url));

/** As the node answers: memory can be shared. */
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const scripts = ["timeteller.js", "hear.js", "marks.js", "bundles.js"].map((file) =>
  readFileSync(new URL(`../page/${file}`, import.meta.url), "utf8"),
);

/** `enter(options)` joins, over a data channel where that is said; `publishTeller()` publishes a person that tells the time. */
const HTML = `<!doctype html><title>models</title>
<style>
  #stage { display: flex; flex-wrap: wrap; gap: 4px }
  figure { position: relative; margin: 0; width: var(--width, 320px); height: var(--height, 180px); background: #000 }
  video, canvas { position: absolute; inset: 0; width: 100%; height: 100% }
</style>
<div id="stage"></div>
<script type="module">
  import { connect, renderSlot } from "/sdk/sotto.js";

  /** The test plug-ins, whose media tell the time. */
  const TELLERS = { microphone: 7, camera: 15 };
  const wall = () => performance.timeOrigin + performance.now();

  globalThis.enter = async ({ signal, token, audioSlots = 1, videoSlots = 1, policy, plugins = TELLERS, sound = true, tile, transport }) => {
    // A browser without these has to take the data channel.
    if (transport === "data") delete globalThis.RTCRtpScriptTransform;
    if (tile) document.querySelector("#stage").style.cssText = \`--width: \${tile.width}px; --height: \${tile.height}px\`;
    const models = { codec: "${CODEC_PATH}", policy, plugins };
    const room = await connect({ url: signal, token, audioSlots, videoSlots, models });
    globalThis.room = room;
    globalThis.formLog = [];
    globalThis.ownLog = [];
    globalThis.errorLog = [];
    room.on("form", (state) => formLog.push({ at: wall(), ...state }));
    room.on("ownModel", (model) => ownLog.push({ at: wall(), ...model }));
    room.on("error", (error) => errorLog.push(error.message));
    for (const slot of room.slots) if (slot.kind === "video") showTile(room, slot);
    if (videoSlots > 0) room.setView({ mode: "grid", tiles: videoSlots });
    if (sound) room.playSound();
    return room.local.id;
  };

  globalThis.publishTeller = async (options = {}) => {
    const { audio, video } = await timeTeller(options);
    if (options.voice !== false) await room.publish(audio, { source: "microphone" });
    if (options.face !== false) await room.publish(video, { source: "camera", layers: options.layers ?? false });
  };

  globalThis.learnBoth = () => Promise.all(["microphone", "camera"].map((source) => room.models.learn(source)));

  /** Resolves when \`source\` of everybody is played in this form; how long that took, ms. */
  globalThis.playedAs = async (source, form, limit = 20_000) => {
    const begin = performance.now();
    for (;;) {
      const own = room.models.forms.filter((state) => state.source === source);
      if (own.length > 0 && own.every((state) => state.form === form)) return performance.now() - begin;
      if (performance.now() - begin > limit) throw new Error(source + " is not " + form + ": " + JSON.stringify(formLog.slice(-6)));
      await new Promise((done) => setTimeout(done, 10));
    }
  };

  /** Resolves when everything has been played in this form for so long, ms, without a break. */
  globalThis.heldAs = async (form, held, limit = 60_000) => {
    const begin = performance.now();
    for (let since = null; since === null || performance.now() - since < held; ) {
      if (performance.now() - begin > limit) throw new Error("not " + form + " for " + held + " ms: " + JSON.stringify(formLog.slice(-6)));
      await new Promise((done) => setTimeout(done, 10));
      const all = room.models.forms.every((state) => state.form === form);
      since = all ? (since ?? performance.now()) : null;
    }
  };

  function showTile(room, slot) {
    const figure = document.createElement("figure");
    figure.dataset.testid = "tile";
    const video = document.createElement("video");
    const canvas = document.createElement("canvas");
    figure.append(video, canvas);
    document.querySelector("#stage").append(figure);
    renderSlot(slot, video, () => undefined, { canvas });
  }

  globalThis.pageReady = true;
</script>`;

/**
 * Opens that page in a Chromium of rig/chromium.js. `isolated`: whether memory can be shared;
 * `before`: scripts that run before all others.
 */
export async function openModelsPage(browser, node, { isolated = true, before = [], ...options } = {}) {
  const url = `${node.origin}${MODELS_PATH}`;
  await browser.context.route(`${node.origin}${CODEC_PATH}`, (route) =>
    route.fulfill({ contentType: "application/wasm", path: CODEC_FILE }),
  );
  const page = await browser.open(url, {
    html: HTML,
    headers: isolated ? HEADERS : {},
    scripts: [...before, ...scripts],
    ...options,
  });
  await page.waitForFunction(() => globalThis.pageReady, undefined, { timeout: 10_000 });
  return page;
}

/** What a Firefox of rig/firefox.js needs to serve it: answers by path. */
export const modelsAnswers = {
  [MODELS_PATH]: { contentType: "text/html", body: HTML, headers: HEADERS },
  [CODEC_PATH]: {
    contentType: "application/wasm",
    get body() {
      return readFileSync(CODEC_FILE);
    },
  },
};

/** What runs in it before its own scripts. */
export const modelsScripts = scripts;
