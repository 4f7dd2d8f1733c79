import type { Scene, SceneSource } from "../codec/types.js";
import { GlDrawer } from "./gldrawer.js";
import { Trial } from "./trial.js";

/** What frames can be drawn of. */
export interface Drawable {
  /** RGBA; good until the next call. */
  draw(frame: number, width: number, height: number): Uint8ClampedArray<ArrayBuffer>;
  /** What the frame is made of; `null`: only `draw` knows. */
  scene(frame: number, width: number): Scene | null;
  /** A source of scenes. */
  source(source: number, level: number): SceneSource;
}

/** A canvas, and its context. */
export interface Surface {
  readonly canvas: OffscreenCanvas;
  readonly context: OffscreenCanvasRenderingContext2D;
}

/** How a frame is drawn. */
export type Way = "codec" | "gl";

/** How often a graphics processor may fail until it is left alone, and how long after that, ms. */
const MOST_LOSSES = 3;
const RECOVERY_MS = 10_000;

/**
 * Draws frames into canvases, by the codec or by the graphics processor: whichever is faster at a size,
 * measured on the first frames. Where the graphics processor is not there, is lost, or draws something
 * else, the codec draws.
 */
export class Painter {
  readonly #lost: () => void;
  readonly #createDrawer: () => GlDrawer;
  readonly #now: () => number;
  readonly #createTrial: () => Trial;
  /** By size: powers of two of pixels. */
  readonly #trials = new Map<number, Trial>();
  #drawer: GlDrawer | null = null;
  #losses = 0;
  /** When a drawer may be made next. */
  #nextAt = 0;

  /**
   * `createDrawer` throws where there is none. `lost`: what the graphics processor drew last may not be
   * on the screen.
   */
  constructor(
    lost: () => void,
    createDrawer = () => new GlDrawer(),
    now = () => performance.now(),
    createTrial = () => new Trial(),
  ) {
    this.#lost = lost;
    this.#createDrawer = createDrawer;
    this.#now = now;
    this.#createTrial = createTrial;
  }

  /** Draws a frame, and tells by whom. */
  paint(decoder: Drawable, frame: number, { canvas, context }: Surface): Way {
    const { width, height } = canvas;
    const trial = this.#trialOf(width * height);
    const drawer = trial.choice === "codec" ? null : this.#working();
    if (drawer && trial.choice === "gl" && drawer.draw(decoder, frame, width, height)) {
      context.drawImage(drawer.canvas, 0, 0, width, height, 0, 0, width, height);
      if (!drawer.lost) return "gl";
      this.#lose();
    }
    const began = this.#now();
    const pixels = decoder.draw(frame, width, height);
    context.putImageData(new ImageData(pixels, width, height), 0, 0);
    const ms = this.#now() - began;
    if (drawer && trial.choice === null) {
      const choice = trial.turn(drawer, decoder, frame, { width, height, ms, now: this.#now });
      // What it was tried with is not needed there.
      if (choice === "codec") drawer.forget(decoder);
    }
    return "codec";
  }

  /** The decoder is no more. */
  forget(decoder: Drawable): void {
    this.#drawer?.forget(decoder);
  }

  #trialOf(pixels: number): Trial {
    const size = Math.round(Math.log2(pixels));
    const trial = this.#trials.get(size) ?? this.#createTrial();
    this.#trials.set(size, trial);
    return trial;
  }

  /** A drawer that is not lost, if there is one. */
  #working(): GlDrawer | null {
    if (this.#drawer?.lost) this.#lose();
    try {
      if (!this.#drawer && this.#losses < MOST_LOSSES && this.#now() >= this.#nextAt) this.#open();
      return this.#drawer?.ready ? this.#drawer : null;
    } catch {
      // There is none, or not enough of one, which is no fault.
      this.#losses = MOST_LOSSES;
      this.#drawer = null;
      return null;
    }
  }

  #open(): void {
    const drawer = this.#createDrawer();
    drawer.canvas.addEventListener("webglcontextlost", () => {
      if (this.#drawer === drawer) this.#lose();
    });
    this.#drawer = drawer;
  }

  /** The next one has to show what it can anew. */
  #lose(): void {
    this.#drawer = null;
    this.#losses++;
    this.#nextAt = this.#now() + RECOVERY_MS;
    this.#trials.clear();
    this.#lost();
  }
}
