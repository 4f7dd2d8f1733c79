import { expect, test } from "vitest";

import { outgoingBitrate, UplinkWatch } from "../../../src/sdk/models/uplink.js";

/** What is told of a line that carries these, one look after the other. */
async function told(...bitrates: (number | null)[]): Promise<number[]> {
  const said: number[] = [];
  let at = 0;
  const watch = new UplinkWatch({
    needed: () => true,
    read: () => Promise.resolve(bitrates[at++] ?? null),
    tell: (bitrate) => said.push(bitrate),
  });
  for (const _ of bitrates) await watch.look();
  return said;
}

test("a line that carries plenty is not spoken of, and one that does again is", async () => {
  expect(await told(null, 2_000_000, 100_000, 300_000)).toEqual([]);
  expect(await told(300_000, 45_000, 2_000_000, 3_000_000)).toEqual([45_000, 100_000]);
});

test("small changes are not told, and the way up to plenty is told to its end", async () => {
  expect(await told(50_000, 52_000, 48_000, 56_000)).toEqual([50_000, 56_000]);
  expect(await told(95_000, 85_000, 92_000, 100_000)).toEqual([85_000, 100_000]);
});

test("where nothing depends on it nobody looks", async () => {
  const read = () => Promise.reject(new Error("looked"));
  const watch = new UplinkWatch({ needed: () => false, read, tell: () => expect.fail("told") });
  await watch.look();
});

test("the line is the pair of addresses that is in use", () => {
  const pair = (nominated: boolean, availableOutgoingBitrate?: number) =>
    ({ type: "candidate-pair", nominated, availableOutgoingBitrate }) as unknown as RTCStats;
  const of = (...pairs: RTCStats[]) => outgoingBitrate(new Map(pairs.map((one, at) => [`${at}`, one])));
  expect(of(pair(false, 1), pair(true, 50_000))).toBe(50_000);
  expect(of(pair(true), { type: "codec" } as RTCStats)).toBeNull();
});
