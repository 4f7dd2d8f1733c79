// How long media wait in a receiver's jitter buffer.

import { expect, test } from "vitest";

import { holdBack } from "../../src/sdk/holds.js";

/** A receiver that takes what browsers do. */
function receiver(): RTCRtpReceiver {
  let target: number | null = null;
  const own = {
    get jitterBufferTarget() {
      return target;
    },
    set jitterBufferTarget(ms: number | null) {
      if (ms !== null && !(ms >= 0 && ms <= 4000)) throw new RangeError("out of expected range 0 to 4000 ms");
      target = ms;
    },
  };
  return own as unknown as RTCRtpReceiver;
}

test("the longest wait that anybody asks for counts, until nobody does", () => {
  const held = receiver();
  holdBack(held, "lips", 80.4);
  expect(held.jitterBufferTarget).toBe(80);
  holdBack(held, "switch", 200);
  holdBack(held, "lips", 120);
  expect(held.jitterBufferTarget).toBe(200);
  holdBack(held, "switch", null);
  expect(held.jitterBufferTarget).toBe(120);
  holdBack(held, "lips", null);
  expect(held.jitterBufferTarget).toBe(null);
});

test("a wait that no browser takes is the nearest that it does", () => {
  const held = receiver();
  holdBack(held, "lips", 9_000);
  expect(held.jitterBufferTarget).toBe(4000);
  holdBack(held, "lips", -3);
  expect(held.jitterBufferTarget).toBe(0);
});
