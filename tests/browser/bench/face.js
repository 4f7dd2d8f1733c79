// What a face costs in a browser: pictures a second that are encoded with the sender's own decoding
// and the gate, nanoseconds a pixel for decoding and drawing, by the codec and by the graphics processor,
// and time for learning, over the module that the node serves. Browsers without a screen have a graphics
// processor in software: `renderer` says which one it was. CLIP=file is a person on camera; without it pictures are generated: a face of
// circles that moves, whose figures are close to those of real ones.

import { spawnSync } from "node:child_process";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { startNode } from "../rig/node.js";
import { serveSource } from "../rig/source.js";

const FPS = 25;
/** Learned from, and measured with. */
const [LEARNED, MEASURED] = [500, 100];
/** Pictures that go to the page at once. */
const PART = 25;

const flags = ["--enable-unsafe-swiftshader", "--use-angle=swiftshader"];
const [node, browser] = await Promise.all([startNode({ name: "bench-face" }), launch({ flags })]);
await serveSource(browser.context, node.origin);
const page = await browser.open(`${node.origin}/bench-face`, { html: "<!doctype html><title>face</title>" });
for (const side of [384, 512]) {
  const pictures = clip(process.env.CLIP, side);
  const part = (PART * side * side * 3) / 2;
  await page.unroute("**/bench-clip/*");
  await page.route("**/bench-clip/*", (route) => {
    const at = Number(route.request().url().split("/").at(-1));
    return route.fulfill({ contentType: "application/octet-stream", body: pictures.subarray(at * part, (at + 1) * part) });
  });
  const parts = process.env.CLIP ? (LEARNED + MEASURED) / PART : 0;
  report(`face-browser-${side}`, await page.evaluate(measure, { side, learned: LEARNED, measured: MEASURED, parts }));
}
await browser.close();
await node.stop();

/** Pictures of a square in the middle of a clip's, I420 one behind the other; nothing where there is no clip. */
function clip(file, side) {
  if (!file) return Buffer.alloc(0);
  const crop = `crop='min(iw,ih)':'min(iw,ih)',scale=${side}:${side},fps=${FPS}`;
  const words = ["-v", "error", "-stream_loop", "-1", "-i", file, "-vf", crop, "-frames:v", LEARNED + MEASURED, "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"];
  const { status, stdout, stderr } = spawnSync("ffmpeg", words.map(String), { maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(`ffmpeg cannot read ${file}: ${stderr}`);
  return stdout;
}

/** Runs in the page. */
async function measure({ side, learned, measured, parts }) {
  const [FACE, VERSION] = [9, 2];
  const I420 = 1;
  const PER_PAYLOAD = 2; // pictures of 40 ms in 80 ms
  const bytes = await (await fetch("/sdk/sotto-codec.wasm")).arrayBuffer();
  const clip = [];
  for (let at = 0; at < parts; at += 1) clip.push(new Uint8Array(await (await fetch(`/bench-clip/${at}`)).arrayBuffer()));
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const wasm = instance.exports;
  const view = (at, len) => new Uint8Array(wasm.memory.buffer, at, len);
  const check = (result) => {
    if (result < 0) throw new Error(new TextDecoder().decode(view(wasm.sotto_output(), wasm.sotto_output_len())));
    return result;
  };
  const give = (slot, content) => view(wasm.sotto_bytes(slot, content.length), content.length).set(content);
  const output = () => view(wasm.sotto_output(), wasm.sotto_output_len());

  const generated = new Uint8Array((side * side * 3) / 2).fill(128);
  const picture = (at) => {
    if (parts > 0) {
      const perPart = clip[0].length / generated.length;
      const within = at % perPart;
      return clip[(at - within) / perPart].subarray(within * generated.length, (within + 1) * generated.length);
    }
    const [x0, y0] = [side * (0.5 + 0.03 * Math.sin(at / 9)), side * (0.5 + 0.02 * Math.sin(at / 13))];
    const [open, wide] = [Math.max(0, Math.sin(at / 3)), side / 10];
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const [dx, dy] = [(x - x0) / side, (y - y0) / side];
        const head = dx * dx * 1.6 + dy * dy < 0.08;
        const eye = Math.hypot(Math.abs(dx) - 0.08, dy + 0.07) < (at % 70 < 4 ? 0.008 : 0.025);
        const mouth = Math.abs(dx) < 0.08 && Math.abs(dy - 0.12) < 0.01 + 0.03 * open;
        const grain = 8 * Math.sin(x / 3 + (head ? x0 - x : 0) / wide) * Math.cos(y / 4);
        generated[y * side + x] = (head ? (eye || mouth ? 60 : 170) : 100) + grain;
      }
    }
    return generated;
  };

  const learner = check(wasm.sotto_learner(FACE));
  let learnMs = 0;
  const timed = (step) => {
    const start = performance.now();
    const result = step();
    return [performance.now() - start, result];
  };
  for (let at = 0; at < learned; at += 1) {
    give(0, picture(at));
    learnMs += timed(() => check(wasm.sotto_learn_picture(learner, side, side, I420)))[0];
  }
  learnMs += timed(() => check(wasm.sotto_learned(learner)))[0];
  const body = output().slice();
  give(0, body);
  check(wasm.sotto_write_container(FACE, VERSION, 1, 0n));
  const container = output().slice();
  give(0, container);
  const model = check(wasm.sotto_model());
  const [encoder, own, decoder, gate] = [wasm.sotto_encoder(model), wasm.sotto_decoder(model), wasm.sotto_decoder(model), wasm.sotto_gate(model)].map(check);

  const decode = (handle, payload) => {
    give(0, payload);
    return check(wasm.sotto_decode_picture(handle));
  };
  const draw = (handle, frame) => {
    check(wasm.sotto_draw(handle, frame, side, side));
    return output();
  };
  let [encodeMs, drawMs, drawn, payloadBytes, green] = [0, 0, 0, 0, 0];
  const payloads = [];
  for (let at = 0; at + PER_PAYLOAD <= measured; at += PER_PAYLOAD) {
    const pictures = Array.from({ length: PER_PAYLOAD }, (_, part) => picture(learned + at + part).slice());
    const [ms, payload] = timed(() => {
      pictures.forEach((content, part) => {
        give(0, content);
        check(wasm.sotto_encode_picture(encoder, side, side, I420, 40 * part));
      });
      check(wasm.sotto_flush(encoder));
      const payload = output().slice();
      decode(own, payload);
      pictures.forEach((content, part) => {
        give(1, draw(own, part).slice());
        give(0, content);
        green += check(wasm.sotto_observe_picture(gate, side, side, I420)) === 0 ? 1 : 0;
      });
      return payload;
    });
    encodeMs += ms;
    payloadBytes += payload.length;
    payloads.push(payload);
    drawMs += timed(() => {
      const frames = decode(decoder, payload);
      for (let frame = 0; frame < frames; frame += 1) draw(decoder, frame);
      drawn += frames;
    })[0];
  }

  /** The same payloads by the graphics processor: the second time, when all sources are there. */
  const drawnByGl = async () => {
    const [{ Codec }, { GlDrawer }] = await Promise.all(["codec", "drawing/gldrawer"].map((name) => import(`/source/models/${name}.js`)));
    const drawer = new GlDrawer();
    const gl = drawer.canvas.getContext("webgl2");
    const renderer = gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER);
    while (!drawer.ready) await new Promise((done) => setTimeout(done, 5));
    const codec = await Codec.load(bytes);
    const decoder = codec.createModel(container).createPictureDecoder();
    const draw = () => {
      for (const payload of payloads) decoder.decode(payload).forEach((_, frame) => drawer.draw(decoder, frame, side, side));
      drawer.finish();
    };
    draw();
    const [ms] = timed(draw);
    drawer.close();
    return { renderer, ns: (1e6 * ms) / (drawn * side * side) };
  };
  const gl = await drawnByGl();
  const round = (value) => Number(value.toFixed(2));
  return {
    moduleBytes: bytes.byteLength,
    modelBytes: body.length,
    learnSeconds: round(learnMs / 1000),
    encodedPerSecond: round((1000 * measured) / encodeMs),
    drawNsPerPixel: round((1e6 * drawMs) / (drawn * side * side)),
    glNsPerPixel: round(gl.ns),
    renderer: gl.renderer,
    payloadKbps: round((payloadBytes * 8) / (measured * 40)),
    greenShare: round(green / measured),
  };
}
