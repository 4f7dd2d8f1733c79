import { describe, expect, test } from "vitest";
import { SlotTimeline } from "../../src/sdk/render.js";
import type { SlotContent } from "../../src/sdk/signal.js";

function content(shortId: number, track: number, rtpTimestamp: number | null = null): SlotContent {
  return { participant: `p${shortId}`, shortId, track, rtpTimestamp };
}

describe("what a slot shows", () => {
  test("an announced switch changes nothing until its first frame is presented", () => {
    const slot = new SlotTimeline();
    slot.assign(content(1, 10, 1000));
    slot.observe([{ source: 1, rtpTimestamp: 4000 }]);
    slot.assign(content(2, 20));
    expect(slot.at(7000)?.participant).toBe("p1");
    slot.assign(content(2, 20, 10_000));
    expect(slot.at(7000)?.participant).toBe("p1");
    expect(slot.at(10_000)?.participant).toBe("p2");
  });

  test("between an assignment and its first frame nobody is named", () => {
    const slot = new SlotTimeline();
    slot.assign(content(1, 10, 1000));
    slot.observe([{ source: 1, rtpTimestamp: 4000 }]);
    expect(slot.settled(4000)?.participant).toBe("p1");
    slot.assign(content(2, 20));
    expect(slot.settled(7000)).toBeNull();
    slot.assign(content(2, 20, 10_000));
    expect(slot.settled(7000)).toBeNull();
    expect(slot.settled(10_000)?.participant).toBe("p2");
  });

  test("the CSRC switches even when the message with the timestamp is late", () => {
    const slot = new SlotTimeline();
    slot.assign(content(1, 10, 1000));
    slot.assign(content(2, 20));
    slot.observe([
      { source: 1, rtpTimestamp: 4000 },
      { source: 2, rtpTimestamp: 7000 },
    ]);
    expect(slot.at(4000)?.participant).toBe("p1");
    expect(slot.at(7000)?.participant).toBe("p2");
  });

  test("an empty slot shows nothing, also while old frames are still presented", () => {
    const slot = new SlotTimeline();
    slot.assign(content(1, 10, 1000));
    slot.observe([{ source: 1, rtpTimestamp: 4000 }]);
    slot.assign(null);
    expect(slot.at(7000)).toBeNull();
    slot.assign(content(2, 20));
    expect(slot.at(7000)).toBeNull();
    slot.observe([{ source: 2, rtpTimestamp: 12_000 }]);
    expect(slot.at(12_000)?.participant).toBe("p2");
  });

  test("a frame of somebody that no message has named yet is nobody's", () => {
    const slot = new SlotTimeline();
    slot.assign(content(1, 10, 1000));
    slot.observe([{ source: 3, rtpTimestamp: 9000 }]);
    expect(slot.at(9000)).toBeNull();
    slot.assign(content(3, 30, 9000));
    expect(slot.at(9000)?.participant).toBe("p3");
  });

  test("one person's camera and screen are told apart by their first timestamps", () => {
    const slot = new SlotTimeline();
    slot.assign(content(1, 10, 1000));
    slot.assign(content(1, 11, 8000));
    slot.observe([{ source: 1, rtpTimestamp: 9000 }]);
    expect(slot.at(7000)?.track).toBe(10);
    expect(slot.at(9000)?.track).toBe(11);
  });

  test("two hundred switches in a row never show a frame under a wrong name", () => {
    const slot = new SlotTimeline();
    const delivered = new Map<number, number>();
    const frames: { rtp: number; owner: number }[] = [];
    let rtp = 0xffff_0000;
    for (let turn = 0; turn < 200; turn++) {
      const owner = 1 + (turn % 7);
      slot.assign(content(owner, owner));
      for (let frame = 0; frame < 1 + (turn % 5); frame++) {
        rtp = (rtp + 3000) >>> 0;
        // The message with the first timestamp is sometimes late by two frames, sometimes lost
        // to a newer switch.
        if (frame === turn % 3) slot.assign(content(owner, owner, (rtp - frame * 3000) >>> 0));
        delivered.set(owner, rtp);
        frames.push({ rtp, owner });
        slot.observe([...delivered].map(([source, rtpTimestamp]) => ({ source, rtpTimestamp })));
        // The presented frame is one behind the delivered one.
        const presented = frames.at(-2);
        if (!presented) continue;
        const shown = slot.at(presented.rtp);
        if (shown) expect(shown.shortId).toBe(presented.owner);
      }
    }
  });
});
