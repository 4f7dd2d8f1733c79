import type { PlayedForm } from "./messages.js";

/** Model frames shown before are older than the raw one by at most this where a switch may wait, ms. */
const STEP_BACK_MS = 40;
/** How long it may wait for that, ms: the delays of the two forms may never meet. */
const PATIENCE_MS = 3000;
/**
 * Raw frames after which they are believed to go on, and how long that may take, ms: behind the first
 * ones of a picture that begins again there is often a gap. The node sends both forms for 1.5 s.
 */
const STEADY_FRAMES = 6;
const STEADY_MS = 1000;

/** What a tile shows. */
export interface FaceState {
  /** Whose face; `null`: the tile is empty. */
  participant: string | null;
  /** What is on the screen: `null`: nothing of this person yet. */
  shown: PlayedForm | null;
}

/** A frame on the screen, and when it was captured on the node's clock, ms; `null`: not known. */
export interface ShownFrame {
  at: number;
  captured: number | null;
}

/**
 * Which of the two pictures of a tile is on top: the video with what comes raw, or the canvas with
 * what is made from a model. The one that is shown stays until the other has a frame of the same
 * person, so a tile is never black, and a last good frame is held. Pure.
 */
export class FaceSwitch {
  #participant: string | null = null;
  #shown: PlayedForm | null = null;
  #wanted: PlayedForm = "raw";
  #urgent = false;
  #wantedAt = 0;
  #raw: ShownFrame | null = null;
  /** Since raw was asked for. */
  #rawFrames = 0;
  #model: ShownFrame | null = null;

  get state(): FaceState {
    return { participant: this.#participant, shown: this.#shown };
  }

  /** The tile is of somebody else now: nothing of them has been shown. */
  assign(participant: string | null): void {
    if (participant === this.#participant) return;
    this.#participant = participant;
    this.#shown = null;
    this.#wanted = "raw";
    this.#raw = null;
    this.#model = null;
  }

  /** The node says what is to be played; `urgent`: the model must not be trusted any more. */
  want(form: PlayedForm, urgent: boolean, now: number): void {
    if (form !== this.#wanted) {
      this.#wantedAt = now;
      this.#rawFrames = 0;
      // A frame of the time before the switch says nothing of the present.
      if (form === "model") this.#model = null;
      else this.#raw = null;
    }
    this.#wanted = form;
    this.#urgent = urgent;
  }

  /** A raw frame of this person is on the screen, if nothing covers it. Whether that changes. */
  rawShown(frame: ShownFrame): boolean {
    this.#raw = frame;
    if (this.#shown === null) return this.#show("raw");
    if (this.#wanted !== "raw" || this.#shown === "raw") return false;
    this.#rawFrames++;
    const steady = this.#rawFrames >= STEADY_FRAMES && !isBefore(frame, this.#model);
    const waited = frame.at - this.#wantedAt;
    return this.#urgent || steady || waited >= STEADY_MS ? this.#show("raw") : false;
  }

  /** A frame from the model was drawn. Whether what is shown changes. */
  modelDrawn(frame: ShownFrame): boolean {
    this.#model = frame;
    if (this.#shown === "model") return false;
    if (this.#shown === null && this.#wanted === "model") return this.#show("model");
    if (this.#wanted !== "model") return false;
    const waited = frame.at - this.#wantedAt;
    if (waited < PATIENCE_MS && isBefore(frame, this.#raw)) return false;
    return this.#show("model");
  }

  #show(form: PlayedForm): boolean {
    this.#shown = form;
    return true;
  }
}

/** Whether `frame` was captured so much before `other` that everybody would see a step back. */
function isBefore(frame: ShownFrame, other: ShownFrame | null): boolean {
  if (frame.captured === null || other === null || other.captured === null) return false;
  return frame.captured < other.captured - STEP_BACK_MS;
}
