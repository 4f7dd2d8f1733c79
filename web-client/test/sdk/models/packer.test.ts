import { expect, test } from "vitest";

import type { Entry } from "../../../src/sdk/models/codec.js";
import { Packer } from "../../../src/sdk/models/packer.js";

function entry(plugin: number, length = 20): Entry {
  const activity = plugin < 8 ? { level: 3, talking: true } : null;
  return { plugin, epoch: 1, activity, payload: new Uint8Array(length) };
}

function times(packet: ReturnType<Packer["take"]>): [number, number[]][] {
  return (packet?.blocks ?? []).map(({ time, entries }) => [time, entries.map(({ plugin }) => plugin)]);
}

test("voice and face of one time travel together, under the time of the first", () => {
  const packer = new Packer();
  packer.configure(2, { packetTime: 80, redundancy: 0 });
  packer.add({ media: 1000.4, entry: entry(1) }, 0);
  expect(packer.take(10)).toBeNull();
  packer.add({ media: 1003, entry: entry(9) }, 15);
  expect(times(packer.take(20))).toEqual([[1000, [1, 9]]]);
  expect(packer.take(21)).toBeNull();
});

test("a face that is late does not hold the voice back", () => {
  const packer = new Packer();
  packer.configure(2, { packetTime: 80, redundancy: 0 });
  packer.add({ media: 1000, entry: entry(1) }, 0);
  expect(packer.take(39)).toBeNull();
  expect(times(packer.take(40))).toEqual([[1000, [1]]]);
  packer.add({ media: 1000, entry: entry(9) }, 60);
  packer.add({ media: 1080, entry: entry(1) }, 80);
  expect(times(packer.take(81))).toEqual([[1000, [9]]]);
});

test("redundancy repeats the block before", () => {
  const packer = new Packer();
  packer.configure(1, { packetTime: 80, redundancy: 1 });
  packer.add({ media: 80, entry: entry(1) }, 0);
  expect(times(packer.take(0))).toEqual([[80, [1]]]);
  packer.add({ media: 160, entry: entry(1) }, 80);
  expect(times(packer.take(80))).toEqual([[160, [1]], [80, [1]]]);
});

test("longer packets hold more blocks, the newest first", () => {
  const packer = new Packer();
  packer.configure(1, { packetTime: 120, redundancy: 0 });
  packer.add({ media: 80, entry: entry(1) }, 0);
  expect(packer.take(50)).toBeNull();
  packer.add({ media: 160, entry: entry(1) }, 80);
  expect(times(packer.take(80))).toEqual([[160, [1]], [80, [1]]]);
});

test("what does not fit into a packet is left out of its redundancy", () => {
  const packer = new Packer();
  packer.configure(1, { packetTime: 80, redundancy: 1 });
  packer.add({ media: 80, entry: entry(9, 900) }, 0);
  packer.take(0);
  packer.add({ media: 160, entry: entry(9, 900) }, 80);
  expect(times(packer.take(80))).toEqual([[160, [9]]]);
});

test("times wrap at 32 bits", () => {
  const packer = new Packer();
  packer.add({ media: 0x1_0000_0000 + 5, entry: entry(1) }, 0);
  expect(times(packer.take(0))).toEqual([[5, [1]]]);
});
