import { beforeAll, describe, expect, test } from "vitest";
import { Codec, CodecError, FRAME_SAMPLES, type Model } from "../../../src/sdk/models/codec.js";
import { BAR, bars, FACE, loadTestCodec, TONE, tone, VOICE } from "./module.js";

let codec: Codec;

beforeAll(async () => {
  codec = await loadTestCodec();
});

const WIDTH = 320;
const HEIGHT = 180;

function toneBody(blocks: number): Uint8Array {
  const learner = codec.createLearner(TONE);
  for (const block of tone(200, blocks)) learner.pushSound(block);
  const body = learner.finish();
  learner.free();
  return body;
}

function containerOf(plugin: number, epoch: number, body: Uint8Array): Uint8Array {
  return codec.writeContainer({ plugin, epoch, createdAt: 1_700_000_000_123, body }).bytes;
}

function toneModel(): Model {
  return codec.createModel(containerOf(TONE, 1, toneBody(8)));
}

function barModel(): Model {
  const learner = codec.createLearner(BAR);
  for (let at = 0; at < 12; at++) {
    learner.pushPicture(bars(WIDTH, HEIGHT, 100 + 10 * at), WIDTH, HEIGHT);
  }
  return codec.createModel(containerOf(BAR, 1, learner.finish()));
}

/** Middle of the bar in a picture of bars, in per mille. */
function middleOf(rgba: Uint8ClampedArray, width: number): number {
  const inside = Array.from({ length: width }, (_, x) => x).filter((x) => (rgba[x * 4] ?? 0) > 128);
  return (((inside.at(0) ?? 0) + (inside.at(-1) ?? 0) + 1) / 2 / width) * 1000;
}

describe("formats", () => {
  test("a packet is read as it was written", () => {
    const face = { plugin: BAR, epoch: 9, activity: null, payload: Uint8Array.of(4, 5, 6) };
    const activity = { level: 3, talking: true };
    const voice = { plugin: TONE, epoch: 2, activity, payload: new Uint8Array(0) };
    const blocks = [
      { time: 0xffff_fff0, entries: [voice, face] },
      { time: 0xffff_ffa0, entries: [face] },
    ];
    const bytes = codec.writePacket({ encrypted: true, blocks });
    const low = { ...face, epoch: 1 };
    expect(codec.parsePacket(bytes)).toEqual({
      encrypted: true,
      blocks: [
        { time: 0xffff_fff0, entries: [voice, low] },
        { time: 0xffff_ffa0, entries: [low] },
      ],
    });
  });

  test("a bundle is listed entry by entry", () => {
    const bundle = Uint8Array.of(0x40, 5, 1, 2, 0x3b, 1, 9, 0xfc, 2, 7, 8, 0xc8, 1, 0, 3, 0xbc, 0);
    expect(codec.parseBundle(bundle)).toEqual([
      { participant: 5, plugin: 7, epoch: 3, time: 0x102, payload: Uint8Array.of(9) },
      { participant: 5, plugin: 15, epoch: 4, time: 0x102, payload: Uint8Array.of(7, 8) },
      { participant: 200, plugin: 7, epoch: 4, time: 3, payload: new Uint8Array(0) },
    ]);
  });

  test("what is broken is refused in words, and the codec goes on", () => {
    const refused = (call: () => unknown, reason: string): void => {
      expect(call).toThrow(new CodecError(reason));
    };
    refused(() => codec.parseBundle(Uint8Array.of(0x40, 5, 1)), "bundle ends early");
    refused(() => codec.parsePacket(Uint8Array.of(0x80)), "unknown version");
    refused(() => codec.writePacket({ encrypted: false, blocks: [] }), "a block without entries");
    refused(() => codec.parseContainer(new Uint8Array(100)), "not a model container");
    refused(() => codec.createLearner(2), "no plug-in 2");
    expect(codec.createGenericModel(TONE)).toBeNull();
    expect(codec.parseBundle(Uint8Array.of(0x40))).toEqual([]);
  });

  test("a refined model is made of the one before by a delta", () => {
    const base = containerOf(TONE, 1, toneBody(100));
    const target = containerOf(TONE, 2, toneBody(110));
    const delta = codec.deltaBetween(base, target);
    expect(delta.length).toBeLessThan(target.length / 2);
    const { hash, plugin, pluginVersion, epoch, createdAt } = codec.parseContainer(target);
    expect({ plugin, pluginVersion, epoch, createdAt }).toEqual({
      plugin: TONE,
      pluginVersion: 1,
      epoch: 2,
      createdAt: 1_700_000_000_123,
    });
    expect(codec.parseDelta(delta)).toEqual({ base: codec.parseContainer(base).hash, target: hash });
    expect(codec.applyDelta(base, delta)).toEqual(target);
    expect(() => codec.applyDelta(target, delta)).toThrow("another base");
  });
});

describe("plug-ins", () => {
  test("are listed", () => {
    expect(codec.plugins).toEqual([
      { id: VOICE, version: 1, name: "voice", kind: "sound" },
      { id: FACE, version: 3, name: "face", kind: "picture" },
      { id: TONE, version: 1, name: "tone", kind: "sound" },
      { id: BAR, version: 1, name: "bar", kind: "picture" },
    ]);
  });

  test("a voice is learned, encoded and decoded without a click", () => {
    const learner = codec.createLearner(TONE);
    const [first, ...rest] = tone(200, 7);
    expect(learner.pushSound(first ?? new Float32Array())).toEqual({
      perMille: 40,
      usable: false,
      refined: false,
    });
    const progress = rest.map((block) => learner.pushSound(block)).at(-1);
    expect(progress).toEqual({ perMille: 280, usable: true, refined: true });

    const model = codec.createModel(containerOf(TONE, 3, learner.finish()));
    expect([model.plugin, model.epoch, model.hash.length]).toEqual([TONE, 3, 64]);
    const encoder = model.createEncoder();
    const decoder = model.createSoundDecoder();
    const gate = model.createGate();
    let last = 0;
    let steepest = 0;
    for (const block of tone(210, 5)) {
      encoder.pushSound(block.subarray(0, 500));
      encoder.pushSound(block.subarray(500));
      const { payload, activity } = encoder.flush();
      expect(activity).toEqual({ level: codec.level(block), talking: true });
      const sound = decoder.decode(payload);
      expect(sound).toHaveLength(FRAME_SAMPLES);
      for (const sample of sound) {
        steepest = Math.max(steepest, Math.abs(sample - last));
        last = sample;
      }
      expect(gate.observeSound(block, sound).verdict).toBe("green");
    }
    expect(steepest).toBeLessThan(0.05);
    expect(decoder.conceal(320)).toHaveLength(320);
  });

  test("a decoder is primed with what was heard raw", () => {
    const model = toneModel();
    const encoder = model.createEncoder();
    const decoder = model.createSoundDecoder();
    const [raw, next] = tone(205, 2) as [Float32Array, Float32Array];
    encoder.pushSound(next);
    decoder.prime(raw.subarray(-320));
    const sound = decoder.decode(encoder.flush().payload);
    const worst = next.reduce((most, sample, at) => {
      return Math.max(most, Math.abs(sample - (sound[at] ?? 0)));
    }, 0);
    expect(worst).toBeLessThan(0.02);
  });

  test("a gate turns red for another voice", () => {
    const model = toneModel();
    const gate = model.createGate();
    const [stranger] = tone(500, 1) as [Float32Array];
    const { verdict, scores } = gate.observeSound(stranger, stranger);
    expect(verdict).toBe("red");
    expect(scores).toHaveLength(3);
  });

  test("a face is learned, encoded and drawn at any size", () => {
    const model = barModel();
    const encoder = model.createEncoder();
    const decoder = model.createPictureDecoder();
    const gate = model.createGate();
    const sources = [bars(WIDTH, HEIGHT, 300), bars(WIDTH, HEIGHT, 340)] as const;
    encoder.pushPicture(sources[0], WIDTH, HEIGHT, 0);
    encoder.pushPicture(sources[1], WIDTH, HEIGHT, 40);
    const { payload, activity } = encoder.flush();
    expect(activity).toBeNull();
    expect(decoder.decode(payload)).toEqual([0, 40]);
    expect(middleOf(decoder.draw(0, 640, 8), 640)).toBeCloseTo(300, -1);
    expect(decoder.scene(0, 640)).toBeNull();
    expect(middleOf(decoder.draw(1, 64, 3), 64)).toBeCloseTo(340, -1.5);
    const drawn = decoder.draw(1, WIDTH, HEIGHT);
    expect(gate.observePicture(sources[1], drawn, WIDTH, HEIGHT).verdict).toBe("green");
    const crowd = bars(WIDTH, HEIGHT, 340, 700);
    expect(gate.observePicture(crowd, decoder.draw(1, WIDTH, HEIGHT), WIDTH, HEIGHT).verdict).toBe("red");
  });

  test("planes of a camera are learned from like pixels", () => {
    const learner = codec.createLearner(BAR);
    const [width, height] = [64, 36];
    const luma = Uint8Array.from({ length: width * height }, (_, at) => {
      return at % width >= 20 && at % width < 28 ? 200 : 60;
    });
    const planes = new Uint8Array(luma.length * 1.5).fill(128);
    planes.set(luma);
    expect(learner.pushPicture(planes, width, height, "i420").perMille).toBe(20);
    expect(() => learner.pushPicture(planes, width, height)).toThrow("pixels that do not fit");
  });

  test("what is freed is not used again, and what was made of it is", () => {
    const model = toneModel();
    const encoder = model.createEncoder();
    model.free();
    model.free();
    expect(() => model.createEncoder()).toThrow("used after it was freed");
    encoder.pushSound((tone(200, 1) as [Float32Array])[0]);
    expect(encoder.flush().payload).toHaveLength(10);
    expect(() => encoder.pushPicture(bars(8, 8), 8, 8, 0)).toThrow("media of the other kind");
    expect(() => encoder.flush()).toThrow("too little for a payload");
  });

  test("two codecs over one module share nothing", async () => {
    const other = await loadTestCodec();
    const handle = other.createLearner(TONE);
    expect(() => handle.finish()).toThrow("too little was learned");
    expect(toneBody(8)).toHaveLength(48);
  });
});
