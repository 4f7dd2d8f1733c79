import type { GlDrawer } from "./gldrawer.js";
import type { Drawable, Way } from "./painter.js";

/** Frames until it is known: shaders are compiled and sources uploaded in the first of them. */
const [WARM_UP, MEASURED] = [2, 5];
/** A graphics processor that then takes longer for a single frame, ms, is none. */
const TOO_LONG_MS = 20;
/** Frames drawn in a row to measure one: how long it takes until a picture is back does not count. */
const IN_A_ROW = 4;
/** Furthest that pictures of both may be from each other: mean difference of bytes. */
const ALIKE = 1;

/** A frame that the codec drew in `ms`. */
interface Turn {
  readonly width: number;
  readonly height: number;
  readonly ms: number;
  /** A clock, ms. */
  now(): number;
}

/** Whether the graphics processor draws frames of some size faster than the codec, and the same. */
export class Trial {
  /** `null`: not known yet. */
  choice: Way | null = null;
  #turns = 0;
  readonly #codec: number[] = [];
  readonly #gl: number[] = [];

  /** What each takes for a frame, ms; once it is known. */
  get medians(): { codec: number; gl: number } {
    return { codec: median(this.#codec), gl: median(this.#gl) };
  }

  /** Has the graphics processor draw what the codec has drawn, unseen; and gives the choice. */
  turn(drawer: GlDrawer, decoder: Drawable, frame: number, turn: Turn): Way | null {
    this.choice = this.#take(drawer, decoder, frame, turn);
    return this.choice;
  }

  #take(drawer: GlDrawer, decoder: Drawable, frame: number, { width, height, ms, now }: Turn): Way | null {
    const draw = (times: number) => {
      const began = now();
      for (let time = 0; time < times; time++) {
        if (!drawer.draw(decoder, frame, width, height)) return null;
      }
      drawer.finish();
      return now() - began;
    };
    const one = draw(1);
    // A plug-in without scenes tells nothing of others.
    if (one === null) return null;
    this.#turns++;
    if (this.#turns <= WARM_UP) return this.#turns === WARM_UP && one > TOO_LONG_MS ? "codec" : null;
    const more = draw(1 + IN_A_ROW) ?? one;
    this.#codec.push(ms);
    this.#gl.push(Math.max(0, more - one) / IN_A_ROW);
    if (this.#turns < WARM_UP + MEASURED) return null;
    const same = difference(drawer.pixels(width, height), decoder.draw(frame, width, height)) <= ALIKE;
    const { codec, gl } = this.medians;
    return same && !drawer.lost && gl < codec ? "gl" : "codec";
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.POSITIVE_INFINITY;
}

function difference(a: Uint8ClampedArray, b: Uint8ClampedArray): number {
  return a.reduce((sum, byte, at) => sum + Math.abs(byte - (b[at] ?? 0)), 0) / a.length;
}
