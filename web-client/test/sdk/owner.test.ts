import { describe, expect, test } from "vitest";
import { FrameOwners } from "../../src/sdk/owner.js";

const ALICE = 1;
const BOB = 2;

describe("frame owners", () => {
  test("nothing is known before the first observation", () => {
    expect(new FrameOwners().ownerOf(1000)).toBeNull();
  });

  test("the CSRC whose timestamp is that of the presented frame owns it", () => {
    const owners = new FrameOwners();
    owners.observe([
      { source: ALICE, rtpTimestamp: 1000 },
      { source: BOB, rtpTimestamp: 4000 },
    ]);
    expect(owners.ownerOf(1000)).toBe(ALICE);
    expect(owners.ownerOf(4000)).toBe(BOB);
  });

  test("a frame after the last one of the first person belongs to the second", () => {
    const owners = new FrameOwners();
    owners.observe([
      { source: ALICE, rtpTimestamp: 1000 },
      { source: BOB, rtpTimestamp: 7000 },
    ]);
    expect(owners.ownerOf(4000)).toBe(BOB);
  });

  test("the first timestamp from the node decides between two observations", () => {
    const owners = new FrameOwners();
    owners.observe([
      { source: ALICE, rtpTimestamp: 1000 },
      { source: BOB, rtpTimestamp: 9000 },
    ]);
    owners.start(6000, BOB);
    expect(owners.ownerOf(3000)).toBe(ALICE);
    expect(owners.ownerOf(5999)).toBe(ALICE);
    expect(owners.ownerOf(6000)).toBe(BOB);
    expect(owners.ownerOf(6001)).toBe(BOB);
  });

  test("a frame newer than all that is known belongs to whoever was last", () => {
    const owners = new FrameOwners();
    owners.start(1000, ALICE);
    expect(owners.ownerOf(50_000)).toBe(ALICE);
    owners.start(60_000, BOB);
    expect(owners.ownerOf(50_000)).toBe(ALICE);
    expect(owners.ownerOf(70_000)).toBe(BOB);
  });

  test("a person that comes back is told apart from the one in between", () => {
    const owners = new FrameOwners();
    owners.start(1000, ALICE);
    owners.start(10_000, BOB);
    owners.start(20_000, ALICE);
    owners.observe([
      { source: BOB, rtpTimestamp: 19_000 },
      { source: ALICE, rtpTimestamp: 23_000 },
    ]);
    expect(owners.ownerOf(7000)).toBe(ALICE);
    expect(owners.ownerOf(16_000)).toBe(BOB);
    expect(owners.ownerOf(20_000)).toBe(ALICE);
  });

  test("timestamps wrap around at 2^32", () => {
    const owners = new FrameOwners();
    const end = 0xffff_ff00;
    owners.start(end, ALICE);
    owners.start(0x200, BOB);
    expect(owners.ownerOf(0xffff_fff0)).toBe(ALICE);
    expect(owners.ownerOf(0x100)).toBe(ALICE);
    expect(owners.ownerOf(0x300)).toBe(BOB);
  });

  test("hours of frames of one person are remembered in constant space", () => {
    const owners = new FrameOwners();
    owners.start(0, ALICE);
    for (let frame = 1; frame < 100_000; frame++) {
      owners.observe([{ source: ALICE, rtpTimestamp: frame * 3000 }]);
    }
    expect(owners.size).toBeLessThanOrEqual(3);
    expect(owners.ownerOf(99_999 * 3000)).toBe(ALICE);
  });
});
