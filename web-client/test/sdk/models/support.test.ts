// What a device says that it can decode.

import { expect, test } from "vitest";

import { measureSupport } from "../../../src/sdk/models/support.js";
import { VOICE, loadTestCodec } from "./module.js";

test("a device that is slow by itself says so", async () => {
  const codec = await loadTestCodec();
  const decode = (now: () => number) =>
    measureSupport(codec, now).find(({ plugin }) => plugin === VOICE)?.decode;
  expect(decode(clock(() => 1))).toBe("yes");
  expect(decode(clock(() => 25))).toBe("tooSlow");
});

test("a device that was busy with something else for most of the time is not called slow", async () => {
  const codec = await loadTestCodec();
  const busy = clock((look) => (look < 12 ? 400 : 1));
  expect(measureSupport(codec, busy).map(({ decode }) => decode)).not.toContain("tooSlow");
});

/** A clock that goes on by so many ms at each look. */
function clock(step: (look: number) => number): () => number {
  let [time, look] = [0, 0];
  return () => (time += step(look++));
}
