import { expect, test } from "vitest";

import { OutputClock } from "../../../src/sdk/models/outputclock.js";
import type { OutputTimes } from "../../../src/sdk/models/outputclock.js";

/** A context whose sample 0 left the audio thread at 500 ms and is heard 40 ms later. */
class Context implements OutputTimes {
  now = 500;
  asked = 0;

  get currentTime(): number {
    return (this.now - 500) / 1000;
  }

  get outputLatency(): number {
    this.asked += 1;
    return 0.04;
  }

  getOutputTimestamp(): { contextTime: number; performanceTime: number } {
    this.asked += 1;
    return { contextTime: Math.max(0, this.currentTime - 0.04), performanceTime: this.now };
  }
}

function drive(clock: OutputClock, context: Context, looks: number): void {
  for (let look = 0; look < looks; look++) {
    clock.look(context.now);
    context.now += 200;
  }
}

test("both ways tell when a sample is heard", () => {
  for (const rarely of [false, true]) {
    const context = new Context();
    const clock = new OutputClock(context, rarely);
    expect(clock.origin).toBeNull();
    drive(clock, context, 20);
    expect(clock.origin).toBeCloseTo(540, 6);
  }
});

test("nothing is told before the first sample has come out", () => {
  for (const rarely of [false, true]) {
    const context = new Context();
    const clock = new OutputClock(context, rarely);
    clock.look(context.now);
    expect(clock.origin).toBeNull();
  }
});

test("a browser that is asked rarely is asked twice a minute", () => {
  const context = new Context();
  drive(new OutputClock(context, true), context, 5 * 60 * 5);
  expect(context.asked).toBe(10);
});
