import { expect, test } from "vitest";

import type { BundleEntry } from "../../../src/sdk/models/codec.js";
import { Demux } from "../../../src/sdk/models/demux.js";
import type { ArrivedBlock, OwnExtension } from "../../../src/sdk/models/demux.js";
import type { DueFrame, FaceDecoder } from "../../../src/sdk/models/facestream.js";
import type { VoiceDecoder } from "../../../src/sdk/models/voicestream.js";

/** Decoded sound is the payload's first byte, of the one before its second; what is concealed is -1. */
const voice: VoiceDecoder = {
  decode: (payload) => new Float32Array(1280).fill(payload[0] ?? 0),
  decodeBefore: ([, before]) => (before === undefined ? null : new Float32Array(1280).fill(before)),
  conceal: (samples) => new Float32Array(samples).fill(-1),
};

/** Two frames a payload; a pixel is its first byte. */
function face(freed = () => {}): FaceDecoder {
  let last = 0;
  return {
    free: freed,
    decode: (payload) => {
      if (payload[0] === 99) throw new Error("wrong byte");
      last = payload[0] ?? 0;
      return [0, 40];
    },
    draw: (frame) => Uint8ClampedArray.from([last, frame]),
    scene: () => null,
    source: () => {
      throw new Error("there are no scenes");
    },
  };
}

/** The pixel of a frame. */
const pixel = (due: DueFrame | null) => [...(due?.decoder.draw(due.frame, 1, 1) ?? [])];

function entry(participant: number, plugin: number, time: number, value: number): BundleEntry {
  return { participant, plugin, epoch: 1, time, payload: Uint8Array.of(value) };
}

/** A demultiplexer whose bundles are tables, and what it said. */
function demultiplexer() {
  const bundles = new Map<number, BundleEntry[]>();
  const heard: [number, number, number][] = [];
  const arrived: ArrivedBlock[] = [];
  const refused: number[] = [];
  const extensions: { plugin: number; restarts: number; freed: boolean }[] = [];
  /** Sound stays what it is. */
  const createExtension = (plugin: number): OwnExtension => {
    const own = { plugin, restarts: 0, freed: false };
    extensions.push(own);
    return {
      delay: 0,
      extend: (samples) => samples,
      restart: () => void own.restarts++,
      free: () => (own.freed = true),
    };
  };
  const demux = new Demux(
    (bytes) => {
      const entries = bundles.get(bytes[0] ?? 0);
      if (!entries) throw new Error("wrong byte");
      return entries;
    },
    createExtension,
    {
      sound: (participant, { media, samples }) => heard.push([participant, media, samples[0] ?? 0]),
      arrived: (block) => arrived.push(block),
      refused: (participant) => refused.push(participant),
      released: (decoder) => decoder.free(),
    },
  );
  let names = 0;
  const send = (at: number, ...entries: BundleEntry[]) => {
    bundles.set(++names, entries);
    demux.bundle(Uint8Array.of(names), at);
  };
  return { demux, send, heard, arrived, refused, extensions };
}

test("each person's sound comes from their own blocks, once, and in order", () => {
  const { demux, send, heard } = demultiplexer();
  demux.hold(1, 7, { kind: "sound", epoch: 1, decoder: voice });
  demux.hold(2, 7, { kind: "sound", epoch: 1, decoder: voice });
  send(100, entry(1, 7, 0, 10), entry(2, 7, 500, 20));
  send(180, entry(1, 7, 0, 10), entry(1, 7, 80, 11), entry(2, 7, 580, 21));
  expect(heard).toEqual([
    [1, 0, 10],
    [2, 500, 20],
    [1, 80, 11],
    [2, 580, 21],
  ]);
  expect(demux.counts).toMatchObject({ bundles: 2, blocks: 5, repeats: 1, unknown: 0 });
});

test("a block that is repaired in time takes its place, and one that is not is concealed", () => {
  const { demux, send, heard } = demultiplexer();
  demux.hold(1, 7, { kind: "sound", epoch: 1, decoder: voice });
  send(100, entry(1, 7, 0, 1));
  send(260, entry(1, 7, 160, 3));
  send(262, entry(1, 7, 80, 2));
  expect(heard.map(([, media, value]) => [media, value])).toEqual([[0, 1], [80, 2], [160, 3]]);
  send(400, entry(1, 7, 320, 5));
  demux.advance(401);
  expect(heard.length).toBe(3);
  demux.advance(600);
  expect(heard.slice(3).map(([, media, value]) => [media, value])).toEqual([[240, -1], [320, 5]]);
});

test("of what did not come is heard what the next block repeats, before that what is made up", () => {
  const { demux, send, heard } = demultiplexer();
  demux.hold(1, 7, { kind: "sound", epoch: 1, decoder: voice });
  send(100, entry(1, 7, 0, 1));
  send(340, { ...entry(1, 7, 240, 4), payload: Uint8Array.of(4, 3) });
  demux.advance(600);
  const said = heard.map(([, media, value]) => [media, value]);
  expect(said).toEqual([[0, 1], [80, -1], [160, 3], [240, 4]]);
});

test("a voice is extended without a seam across epochs, and anew behind a pause, until it leaves", () => {
  const { demux, send, heard, extensions } = demultiplexer();
  demux.hold(1, 7, { kind: "sound", epoch: 1, decoder: voice });
  demux.hold(1, 7, { kind: "sound", epoch: 2, decoder: voice });
  send(100, entry(1, 7, 0, 1));
  send(180, { ...entry(1, 7, 80, 2), epoch: 2 });
  expect(extensions).toEqual([{ plugin: 7, restarts: 1, freed: false }]);
  send(2100, entry(1, 7, 2000, 3));
  demux.advance(2300);
  expect(heard).toHaveLength(3);
  expect(extensions).toEqual([{ plugin: 7, restarts: 2, freed: false }]);
  demux.remove(1);
  expect(extensions).toEqual([{ plugin: 7, restarts: 2, freed: true }]);
});

test("after a pause nothing is made up", () => {
  const { demux, send, heard } = demultiplexer();
  demux.hold(1, 7, { kind: "sound", epoch: 1, decoder: voice });
  send(100, entry(1, 7, 0, 1));
  send(2100, entry(1, 7, 2000, 2));
  demux.advance(2300);
  expect(heard.map(([, media]) => media)).toEqual([0, 2000]);
});

test("a sign of life in silence does not keep the first block of speech out", () => {
  const { demux, send, heard } = demultiplexer();
  demux.hold(1, 7, { kind: "sound", epoch: 1, decoder: voice });
  send(100, { ...entry(1, 7, 0, 0), payload: new Uint8Array(0) });
  send(130, entry(1, 7, 30, 5));
  send(210, entry(1, 7, 110, 6));
  expect(heard.map(([, media, value]) => [media, value])).toEqual([[0, 0], [30, 5], [110, 6]]);
});

test("blocks of a model that is not here are counted and not decoded", () => {
  const { demux, send, heard, arrived } = demultiplexer();
  demux.hold(1, 7, { kind: "sound", epoch: 2, decoder: voice });
  send(100, entry(1, 7, 0, 1));
  expect(heard).toEqual([]);
  expect(arrived.length).toBe(1);
  expect(demux.counts.unknown).toBe(1);
});

test("two epochs of a model may be in use at once", () => {
  const { demux, send, heard } = demultiplexer();
  for (const epoch of [1, 2, 3]) demux.hold(1, 7, { kind: "sound", epoch, decoder: voice });
  send(100, { ...entry(1, 7, 0, 2), epoch: 2 }, { ...entry(1, 7, 80, 3), epoch: 3 }, entry(1, 7, 160, 1));
  expect(heard.map(([, , value]) => value)).toEqual([2, 3]);
});

test("what is forgotten of a model is one epoch, and the others are heard on", () => {
  const { demux, send, heard } = demultiplexer();
  for (const epoch of [0, 1]) demux.hold(1, 7, { kind: "sound", epoch, decoder: voice });
  demux.drop(1, 7, 0);
  expect([0, 1].map((epoch) => demux.holds(1, 7, epoch))).toEqual([false, true]);
  send(100, entry(1, 7, 0, 10), { ...entry(1, 7, 80, 11), epoch: 0 });
  expect(heard.map(([, , value]) => value)).toEqual([10]);
  expect(demux.counts.unknown).toBe(1);
});

test("of two epochs whose frames look alike the later one takes the place of the other", () => {
  const { demux } = demultiplexer();
  for (const epoch of [0, 8]) demux.hold(1, 7, { kind: "sound", epoch, decoder: voice });
  expect([0, 8].map((epoch) => demux.holds(1, 7, epoch))).toEqual([false, true]);
});

test("a face shows the frame of its time and follows the voice that is heard", () => {
  const { demux, send } = demultiplexer();
  demux.hold(1, 15, { kind: "picture", epoch: 1, decoder: face() });
  send(100, entry(1, 15, 0, 5));
  send(180, entry(1, 15, 80, 6));
  demux.heard(1, 300, 290);
  expect(demux.faceDue(1, 299)).toBeNull();
  expect(pixel(demux.faceDue(1, 310))).toEqual([5, 0]);
  expect(demux.faceDue(1, 311)).toBeNull();
  expect(pixel(demux.faceDue(1, 345))).toEqual([5, 1]);
  expect(pixel(demux.faceDue(1, 385))).toEqual([6, 0]);
});

test("decoders of faces are freed with what replaces them and with their person", () => {
  const { demux, send } = demultiplexer();
  const freed: number[] = [];
  for (const epoch of [1, 2, 3]) {
    demux.hold(1, 15, { kind: "picture", epoch, decoder: face(() => freed.push(epoch)) });
    if (epoch === 1) send(100, entry(1, 15, 0, 5));
  }
  expect(freed).toEqual([1]);
  expect(demux.faceDue(1, 1000)).toBeNull();
  send(180, { ...entry(1, 15, 80, 6), epoch: 3 });
  expect(pixel(demux.faceDue(1, 1000))).toEqual([6, 1]);
  demux.drop(1, 15);
  expect(freed).toEqual([1, 2, 3]);
  demux.hold(2, 15, { kind: "picture", epoch: 1, decoder: face(() => freed.push(4)) });
  demux.remove(2);
  expect(freed).toEqual([1, 2, 3, 4]);
});

test("of a face that nobody looked at for a while the last frame is given, and how late it is", () => {
  const { demux, send } = demultiplexer();
  demux.hold(1, 15, { kind: "picture", epoch: 1, decoder: face() });
  send(100, entry(1, 15, 0, 5));
  demux.heard(1, 300, 290);
  expect(demux.faceDue(1, 305)).toMatchObject({ media: 0, late: 5 });
  demux.heard(1, 300, 3290);
  expect(demux.faceDue(1, 3300)).toMatchObject({ media: 40, late: 2960 });
});

test("a decoder that refuses a block is told of, and the others go on", () => {
  const { demux, send, refused } = demultiplexer();
  demux.hold(1, 15, { kind: "picture", epoch: 1, decoder: face() });
  send(100, entry(1, 15, 0, 99));
  expect(demux.faceDue(1, 200)).toBeNull();
  expect(refused).toEqual([1]);
  send(180, entry(1, 15, 80, 7));
  expect(demux.faceDue(1, 280)?.media).toBe(120);
});

test("broken bundles are counted and padding is not", () => {
  const { demux } = demultiplexer();
  demux.bundle(Uint8Array.of(77), 0);
  demux.bundle(new Uint8Array(0), 0);
  expect(demux.counts).toMatchObject({ bundles: 1, broken: 1 });
});
