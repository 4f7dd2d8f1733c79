// What a voice costs in a browser: share of one core for encoding with the encoder's own decoder and
// gate, for decoding, for extending to 48 kHz, and for learning, over the module that the node serves.

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { startNode } from "../rig/node.js";

const [node, browser] = await Promise.all([startNode({ name: "bench-voice" }), launch()]);
const page = await browser.open(`${node.origin}/bench-voice`, { html: "<!doctype html><title>voice</title>" });
report("voice-browser", await page.evaluate(measure));
await browser.close();
await node.stop();

/** Runs in the page. Sound is syllables of a gliding pitch: what it says does not change the work. */
async function measure() {
  const VOICE = 1;
  const [PAYLOAD_MS, RATE] = [80, 16_000];
  const SAMPLES = (RATE / 1000) * PAYLOAD_MS;
  const began = performance.now();
  const bytes = await (await fetch("/sdk/sotto-codec.wasm")).arrayBuffer();
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const wasm = instance.exports;
  const check = (result) => {
    if (result < 0) throw new Error(new TextDecoder().decode(view(Uint8Array, wasm.sotto_output(), wasm.sotto_output_len())));
    return result;
  };
  const view = (kind, at, len) => new kind(wasm.memory.buffer, at, len);
  const give = (slot, sound) => view(Float32Array, wasm.sotto_samples(slot, sound.length), sound.length).set(sound);
  const speak = (payload) =>
    Float32Array.from({ length: SAMPLES }, (_, index) => {
      const time = (payload * SAMPLES + index) / RATE;
      const turns = 130 * time - 4 * Math.cos(2 * Math.PI * 0.6 * time);
      const loud = (0.5 - 0.5 * Math.cos(2 * Math.PI * 3 * time)) ** 2;
      let sum = 0;
      for (let harmonic = 1; harmonic < 20; harmonic += 1) sum += Math.sin(2 * Math.PI * turns * harmonic) / harmonic;
      return 0.2 * loud * sum;
    });

  const model = check(wasm.sotto_generic(VOICE));
  const [encoder, own, gate] = [wasm.sotto_encoder(model), wasm.sotto_decoder(model), wasm.sotto_gate(model)].map(check);
  const decoder = check(wasm.sotto_decoder(model));
  const extension = check(wasm.sotto_extension(VOICE));
  const readyMs = performance.now() - began;

  const encode = (sound) => {
    give(0, sound);
    check(wasm.sotto_encode_sound(encoder, RATE));
    check(wasm.sotto_flush(encoder));
    return view(Uint8Array, wasm.sotto_output(), wasm.sotto_output_len()).slice();
  };
  const decode = (handle, payload) => {
    view(Uint8Array, wasm.sotto_bytes(0, payload.length), payload.length).set(payload);
    check(wasm.sotto_decode_sound(handle));
    return view(Float32Array, wasm.sotto_sound(), wasm.sotto_sound_len());
  };
  const extend = (sound) => {
    give(0, sound);
    check(wasm.sotto_extend(extension));
  };
  const observe = (source, decoded) => {
    give(1, decoded);
    give(0, source);
    check(wasm.sotto_observe_sound(gate, RATE));
  };
  const share = (count, step) => {
    const start = performance.now();
    for (let at = 0; at < count; at += 1) step(at);
    return (performance.now() - start) / (count * PAYLOAD_MS);
  };
  const best = (count, step) => Math.min(...Array.from({ length: 5 }, () => share(count, step)));

  const COUNT = 125;
  const sounds = Array.from({ length: COUNT }, (_, at) => speak(at));
  const payloads = sounds.map(encode); // warms the compiler up, too
  payloads.forEach((payload) => decode(decoder, payload));
  const decodeShare = best(COUNT, (at) => decode(decoder, payloads[at]));
  const extendShare = best(COUNT, (at) => extend(sounds[at]));
  const encodeShare = best(COUNT, (at) => observe(sounds[at], decode(own, encode(sounds[at])).slice()));
  const learner = check(wasm.sotto_learner(VOICE));
  const learnStart = performance.now();
  for (let at = 0; at < 375; at += 1) {
    give(0, sounds[at % COUNT]);
    check(wasm.sotto_learn_sound(learner, RATE));
  }
  const learn30Ms = performance.now() - learnStart;
  const round = (value) => Number(value.toFixed(4));
  return { moduleBytes: bytes.byteLength, readyMs: Math.round(readyMs), encodeShare: round(encodeShare), decodeShare: round(decodeShare), extendShare: round(extendShare), learn30Ms: Math.round(learn30Ms) };
}
