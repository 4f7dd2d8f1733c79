import { holdBack } from "../holds.js";
import { rtpDistance } from "../rtptime.js";
import type { SlotContent } from "../signal.js";
import type { Slot } from "../slots.js";
import type { BundlesCommand, BundlesReport } from "./bundles.protocol.js";
import { FaceSwitch } from "./faceswitch.js";
import type { FormState } from "./forms.js";
import type { PlayedForm } from "./messages.js";
import { PictureHold } from "./pictureholds.js";

/** Largest picture that is made from a model, pixels. */
const MAX_WIDTH = 960;
/** Where nothing is known of a picture's shape. */
const SHAPE = { width: 640, height: 360 };
/** How often waits of raw pictures are looked at, ms. */
const TICK_MS = 50;
/** Older than this, ms, a frame says nothing of the present. */
const FRESH_MS = 300;
/** A frame that is drawn this much too late, ms, tells nothing of how long the way takes. */
const LATE_MS = 100;
/** Clock of video, units per ms. */
const CLOCK = 90;

/** What faces need of their room. */
export interface FacesHost {
  tell(command: BundlesCommand, transfer?: Transferable[]): void;
  form(participant: string): FormState | null;
  /** A form is seen now. */
  arrived(participant: string, form: PlayedForm): void;
  /** There is one tile more that can show faces. */
  opened(): void;
}

/** What `renderSlot` does with the canvas of a tile. */
export interface FaceView {
  /** Whether the canvas is what is seen. */
  readonly covers: boolean;
  /** A raw frame of `content` is on the screen, if the canvas does not cover it. */
  rawShown(content: SlotContent, rtpTimestamp: number): void;
  stop(): void;
}

/** A canvas can be handed to a worker once: for as long as it lives it has this number there. */
const surfaces = new WeakMap<HTMLCanvasElement, { surface: number; host: FacesHost }>();
let surfaceCount = 0;

interface View {
  readonly surface: number;
  readonly slot: Slot;
  readonly canvas: HTMLCanvasElement;
  readonly video: HTMLVideoElement;
  readonly control: FaceSwitch;
  readonly covered: (content: SlotContent | null) => void;
  readonly hold: PictureHold;
  /** Of the last frame that was drawn: local minus media time. */
  drawn: { delay: number; participant: number } | null;
  /** Of the last raw frame: from capture to eye on the node's clock, ms, and when that was. */
  raw: { latency: number; at: number } | null;
}

/** The canvases of all tiles, and who goes over when. */
export class Faces {
  readonly #host: FacesHost;
  readonly #views = new Map<number, View>();
  #waits = new Map<number, number>();

  readonly #timer: ReturnType<typeof setInterval>;

  constructor(host: FacesHost) {
    this.#host = host;
    this.#timer = setInterval(() => this.#align(), TICK_MS);
  }

  /** Whether any tile can show what is made from a model. */
  get any(): boolean {
    return this.#views.size > 0;
  }

  /**
   * Takes a tile: `canvas` lies over `video` in the page, and is made visible while it is what is to
   * be seen. `covered` is told whose picture it shows, `null`: the video is seen. `null` for a canvas
   * that has been drawn in by others.
   */
  open(
    slot: Slot,
    video: HTMLVideoElement,
    canvas: HTMLCanvasElement,
    covered: (content: SlotContent | null) => void,
  ): FaceView | null {
    const surface = this.#surfaceOf(canvas);
    if (surface === null) return null;
    const control = new FaceSwitch();
    const view: View = { surface, slot, canvas, video, control, covered, hold: new PictureHold(), drawn: null, raw: null };
    this.#views.set(surface, view);
    canvas.style.visibility = "hidden";
    const offs = [
      slot.on("content", () => this.#assign(view)),
      slot.on("viewport", () => this.#show(view)),
    ];
    this.#assign(view);
    this.#host.opened();
    return {
      get covers() {
        return control.state.shown === "model";
      },
      rawShown: (content, rtpTimestamp) => this.#rawShown(view, content, rtpTimestamp),
      stop: () => {
        for (const off of offs) off();
        holdBack(slot.receiver, "switch", null);
        this.#views.delete(surface);
        this.#host.tell({ type: "show", surface, participant: null, width: 0, height: 0 });
        canvas.style.visibility = "hidden";
      },
    };
  }

  /** The node said something of this person's picture. */
  formChanged(participant: string): void {
    for (const view of this.#views.values()) {
      if (view.control.state.participant === participant) this.#want(view);
    }
  }

  /** The worker drew a frame. */
  drawn({ surface, participant, media, late, at }: BundlesReport & { type: "drawn" }): void {
    const view = this.#views.get(surface);
    if (!view || view.slot.content?.shortId !== participant) return;
    // The last one from before a pause is late by all of it.
    view.drawn = late <= LATE_MS ? { delay: at - media, participant } : null;
    const state = this.#host.form(view.slot.content.participant);
    const captured = state?.anchor ? state.anchor.captured + media - state.anchor.media : null;
    if (view.control.modelDrawn({ at, captured })) this.#uncover(view);
  }

  /** The worker's clock of somebody's media. */
  setClock(shortId: number, { wait }: { wait: number }): void {
    this.#waits.set(shortId, wait);
  }

  /** From capture to eye on the node's clock, and how long media waits, ms; `null`: not known. */
  latency(participant: string): { latency: number; wait: number } | null {
    const anchor = this.#host.form(participant)?.anchor;
    for (const { control, drawn } of this.#views.values()) {
      if (!anchor || !drawn || control.state.participant !== participant) continue;
      const latency = drawn.delay + anchor.media - anchor.captured;
      return { latency, wait: this.#waits.get(drawn.participant) ?? 0 };
    }
    return null;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #surfaceOf(canvas: HTMLCanvasElement): number | null {
    const known = surfaces.get(canvas);
    if (known?.host === this.#host) return known.surface;
    let offscreen: OffscreenCanvas;
    try {
      offscreen = canvas.transferControlToOffscreen();
    } catch (error) {
      if (error instanceof DOMException) return null;
      throw error;
    }
    const surface = ++surfaceCount;
    surfaces.set(canvas, { surface, host: this.#host });
    this.#host.tell({ type: "surface", surface, canvas: offscreen }, [offscreen]);
    return surface;
  }

  #assign(view: View): void {
    const participant = view.slot.content?.participant ?? null;
    if (view.control.state.participant === participant) return;
    view.control.assign(participant);
    view.drawn = null;
    view.raw = null;
    view.canvas.style.visibility = "hidden";
    this.#want(view);
  }

  #want(view: View): void {
    const { participant } = view.control.state;
    const state = participant === null ? null : this.#host.form(participant);
    view.control.want(state?.wanted ?? "raw", state?.urgent ?? false, now());
    this.#show(view);
  }

  /** Tells the worker whose frames it is to draw. */
  #show(view: View): void {
    const { surface, slot, control } = view;
    const state = control.state.participant === null ? null : this.#host.form(control.state.participant);
    // What may not be the person any more is not drawn: the last frame stays. Else the face goes on
    // until the raw one is there.
    const going = control.state.shown === "model" && state?.urgent === false;
    const drawing = state?.wanted === "model" || going;
    const participant = drawing ? (slot.content?.shortId ?? null) : null;
    this.#host.tell({ type: "show", surface, participant, ...sizeOf(view) });
  }

  #rawShown(view: View, content: SlotContent, rtpTimestamp: number): void {
    if (content.participant !== view.control.state.participant) return;
    const { rtpTimestamp: first, captureTime } = content;
    const captured =
      typeof first === "number" && typeof captureTime === "number"
        ? captureTime / 1000 + rtpDistance(rtpTimestamp, first) / CLOCK
        : null;
    if (captured !== null) view.raw = { latency: now() - captured, at: now() };
    if (view.control.rawShown({ at: now(), captured })) this.#uncover(view);
  }

  /** Delays raw pictures so that they are of the same time as those of the model. */
  #align(): void {
    for (const { slot, control, hold, raw } of this.#views.values()) {
      const { participant, shown } = control.state;
      const state = participant === null ? null : this.#host.form(participant);
      if (participant === null || !state) continue;
      const wait = hold.update({
        now: performance.now(),
        shown,
        wanted: state.wanted,
        urgent: state.urgent,
        modelLatency: this.latency(participant)?.latency ?? null,
        rawLatency: raw && now() - raw.at < FRESH_MS ? raw.latency : null,
      });
      holdBack(slot.receiver, "switch", wait);
    }
  }

  /** What is on top changes. */
  #uncover(view: View): void {
    const { participant, shown } = view.control.state;
    if (participant === null || shown === null) return;
    view.canvas.style.visibility = shown === "model" ? "visible" : "hidden";
    view.covered(shown === "model" ? view.slot.content : null);
    this.#show(view);
    this.#host.arrived(participant, shown);
  }
}

/** As large as the tile, in the shape of the person's raw picture. */
function sizeOf({ slot, video }: View): { width: number; height: number } {
  const shape = video.videoWidth > 0 ? { width: video.videoWidth, height: video.videoHeight } : SHAPE;
  const tile = slot.viewport ?? SHAPE;
  const scale = Math.min(tile.width / shape.width, tile.height / shape.height);
  const width = Math.min(MAX_WIDTH, Math.max(16, Math.round(shape.width * scale)));
  return { width, height: Math.max(16, Math.round((width * shape.height) / shape.width)) };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
