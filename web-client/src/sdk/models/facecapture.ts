import { FRAME_MS } from "./codec.js";
import type { GateState } from "./gatewatch.js";
import type { VoicePayload } from "./voicecapture.js";

/** A picture of the camera. */
export interface Picture {
  pixels: Uint8ClampedArray;
  width: number;
  height: number;
}

/** What a face is encoded and judged with. */
export interface FaceTools {
  epoch: number;
  plugin: number;
  push(picture: Picture, offset: number): void;
  flush(): Uint8Array;
  /** What was flushed last is not sent. */
  restart(): void;
  /** Decodes the payload as the others will, and compares its frames with the pictures. */
  judge(pictures: readonly Picture[], payload: Uint8Array): Judgement;
}

/** What a gate says of a block. */
export interface Judgement {
  verdict: GateState;
  /** It must not be shown, but may be over before raw media would be there. */
  passing: boolean;
  /** The model lacks what its pictures show. */
  missed: boolean;
}

/** What a capture tells. */
export interface FaceCaptureListener {
  /** Of these pictures. */
  verdict(judgement: Judgement, pictures: readonly Picture[]): void;
  payload(payload: VoicePayload): void;
}

/**
 * Least time between two pictures of a block, ms. Two at most are encoded, 25 a second: more would share
 * as many bytes, and each be worse.
 */
const LEAST_STEP_MS = 30;
/** While nobody needs it, the gate looks at one block of so many. */
const IDLE_STRIDE = 6;

/**
 * Puts the pictures of 80 ms into one payload, on the blocks of the voice. One that the gate refuses
 * is not sent: a wrong picture is never shown. Pure but for the tools.
 */
export class FaceCapture {
  readonly #listener: FaceCaptureListener;
  #phase = 0;
  #block: { start: number; pictures: Picture[]; last: number; tools: FaceTools } | null = null;
  #blocks = 0;

  constructor(listener: FaceCaptureListener) {
    this.#listener = listener;
  }

  /** Blocks begin at `media` and every 80 ms from it. */
  setPhase(media: number): void {
    this.#phase = media % FRAME_MS;
  }

  /** A picture that was taken at `media`, ms. Whether it is one of the `perBlock` that are encoded. */
  push(picture: Picture, media: number, active: boolean, tools: FaceTools | null, perBlock: 1 | 2): boolean {
    const start = Math.floor((media - this.#phase) / FRAME_MS) * FRAME_MS + this.#phase;
    const block = this.#block;
    if (block && (start !== block.start || tools !== block.tools)) this.#finish(active);
    if (!tools) return false;
    const offset = Math.min(FRAME_MS - 1, Math.max(0, Math.floor(media - start)));
    if (!this.#block) {
      if (!active && this.#blocks++ % IDLE_STRIDE !== 0) return false;
      this.#block = { start, pictures: [], last: Number.NEGATIVE_INFINITY, tools };
    }
    const { pictures, last } = this.#block;
    if (pictures.length >= perBlock || offset - last < LEAST_STEP_MS) return false;
    tools.push(picture, offset);
    pictures.push(picture);
    this.#block.last = offset;
    return true;
  }

  /** Ends the block whose time is over, if no picture of the next one has done so. */
  flush(media: number, active: boolean): void {
    if (this.#block && media >= this.#block.start + FRAME_MS) this.#finish(active);
  }

  #finish(active: boolean): void {
    if (!this.#block) return;
    const { start, pictures, tools } = this.#block;
    this.#block = null;
    const payload = tools.flush();
    const judgement = tools.judge(pictures, payload);
    this.#listener.verdict(judgement, pictures);
    if (!active || judgement.verdict === "red") {
      tools.restart();
      return;
    }
    const { plugin, epoch } = tools;
    this.#listener.payload({ media: start, plugin, epoch, activity: null, payload });
  }
}
