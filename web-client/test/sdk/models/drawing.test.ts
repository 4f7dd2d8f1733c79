import { expect, test } from "vitest";

import type { GlDrawer } from "../../../src/sdk/models/drawing/gldrawer.js";
import type { Drawable } from "../../../src/sdk/models/drawing/painter.js";
import { Trial } from "../../../src/sdk/models/drawing/trial.js";

const [WIDTH, HEIGHT] = [4, 2];
const picture = (value: number) => new Uint8ClampedArray(WIDTH * HEIGHT * 4).fill(value);

/** A trial of so many frames: each takes the codec `codec` ms, and the graphics processor `gl`, and as long again to be waited for. */
function tried({ codec = 4, gl = 1, frames = 20, shade = 100, scenes = true }) {
  let clock = 0;
  let drawn = 0;
  const drawer = {
    lost: false,
    draw: () => {
      clock += gl;
      drawn++;
      return scenes;
    },
    finish: () => void (clock += 2),
    pixels: () => picture(shade),
  } as unknown as GlDrawer;
  const decoder: Drawable = {
    draw: () => picture(100),
    scene: () => null,
    source: () => {
      throw new Error("nobody asks");
    },
  };
  const trial = new Trial();
  let turns = 0;
  while (turns < frames && trial.choice === null) {
    trial.turn(drawer, decoder, 0, { width: WIDTH, height: HEIGHT, ms: codec, now: () => clock });
    turns++;
  }
  return { trial, turns, drawn };
}

test("who is faster draws, and how long a picture takes to come back does not count", () => {
  const faster = tried({ codec: 1.5, gl: 1 });
  expect(faster.trial.choice).toBe("gl");
  expect(faster.trial.medians).toEqual({ codec: 1.5, gl: 1 });
  expect(faster.turns).toBe(7);
  expect(tried({ codec: 0.9, gl: 1 }).trial.choice).toBe("codec");
});

test("who draws something else does not draw, however fast", () => {
  expect(tried({ shade: 101 }).trial.choice).toBe("gl");
  expect(tried({ shade: 102 }).trial.choice).toBe("codec");
});

test("a graphics processor that is very slow is asked for two frames", () => {
  const { trial, turns, drawn } = tried({ gl: 30 });
  expect([trial.choice, turns, drawn]).toEqual(["codec", 2, 2]);
});

test("a plug-in that does not tell what its frames are made of decides nothing", () => {
  expect(tried({ scenes: false }).trial.choice).toBeNull();
});
