import { expect, test } from "vitest";

import { Downsampler } from "../../../src/sdk/models/downsample.js";

/** A tone of this frequency from 44.1 to 16 kHz in pieces of 128: amplitude of it, and of the rest. */
function through(frequency: number): { kept: number; rest: number } {
  const down = new Downsampler(44_100, 16_000);
  const out: number[] = [];
  for (let at = 0; at < 44_100; at += 128) {
    const piece = Float32Array.from({ length: 128 }, (_, next) =>
      Math.sin((2 * Math.PI * frequency * (at + next)) / 44_100),
    );
    out.push(...down.push(piece));
  }
  const steady = out.slice(2000, 14_000);
  const project = (wave: (x: number) => number) =>
    steady.reduce((sum, sample, at) => sum + sample * wave((2 * Math.PI * frequency * at) / 16_000), 0) /
    (steady.length / 2);
  const [sine, cosine] = [project(Math.sin), project(Math.cos)];
  const rest = steady.map((sample, at) => {
    const x = (2 * Math.PI * frequency * at) / 16_000;
    return sample - sine * Math.sin(x) - cosine * Math.cos(x);
  });
  return {
    kept: Math.hypot(sine, cosine),
    rest: Math.sqrt(rest.reduce((sum, sample) => sum + sample * sample, 0) / rest.length),
  };
}

test("a voice keeps its loudness and gets no seams", () => {
  for (const frequency of [120, 1000, 4000, 6500]) {
    const { kept, rest } = through(frequency);
    expect(Math.abs(kept - 1)).toBeLessThan(0.01);
    expect(rest).toBeLessThan(0.002);
  }
});

test("what the lower rate cannot carry is gone", () => {
  for (const frequency of [9000, 12_000, 18_000]) {
    const { kept, rest } = through(frequency);
    expect(kept + rest).toBeLessThan(0.002);
  }
});

test("it gives as many samples as time has passed", () => {
  const down = new Downsampler(44_100, 16_000);
  let count = 0;
  for (let piece = 0; piece < 441; piece++) count += down.push(new Float32Array(1000)).length;
  expect(Math.abs(count - 160_000)).toBeLessThan(20);
});
