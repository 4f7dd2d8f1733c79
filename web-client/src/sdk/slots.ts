import { Emitter } from "./emitter.js";
import type { Faces } from "./models/faces.js";
import type { QualityLimit, ReceivedLayer, SlotAssignment, SlotContent, SlotQuality } from "./signal.js";
import { boundedViewport } from "./viewport.js";
import type { Viewport } from "./viewport.js";

/** A frame on the screen. */
export interface PresentedFrame {
  rtpTimestamp: number;
  /** When it is expected on the screen, ms since 1970. */
  at: number;
}

/** In which quality the node serves a slot. */
export interface Quality {
  /** The layer that is sent; `null`: nothing is, and `limit` says why. */
  readonly layer: Readonly<ReceivedLayer> | null;
  /** Why nothing is sent, or why it is not the best layer; `null`: it is the best. */
  readonly limit: QualityLimit | null;
}

/** Events of one slot. */
export interface SlotEvents {
  /** The node pointed it elsewhere, or nowhere. The picture follows at its own frame. */
  content: SlotContent | null;
  /** The node serves it in another quality, or says why not. */
  quality: Quality | null;
  /** The page shows it in another size. */
  viewport: Viewport | null;
  /** A new connection: `track` and `receiver` are others now. */
  track: MediaStreamTrack;
}

/**
 * A receive-only m-line that the node points at any publisher. It stays the same object for as
 * long as the room lives, also across reconnections.
 */
export class Slot {
  readonly kind: "audio" | "video";
  /** For `renderSlot`: who draws faces from models; `null`: nobody. */
  faces: Faces | null = null;
  readonly #events = new Emitter<SlotEvents>();
  #transceiver: RTCRtpTransceiver;
  #content: SlotContent | null = null;
  #presented: PresentedFrame | null = null;
  #quality: Quality | null = null;
  #viewport: Viewport | null = null;

  constructor(kind: "audio" | "video", transceiver: RTCRtpTransceiver) {
    this.kind = kind;
    this.#transceiver = transceiver;
  }

  /** Identification tag of the m-line; `null` before the first offer. */
  get mid(): string | null {
    return this.#transceiver.mid;
  }

  get receiver(): RTCRtpReceiver {
    return this.#transceiver.receiver;
  }

  get track(): MediaStreamTrack {
    return this.#transceiver.receiver.track;
  }

  /** Whom the node points it at. What is on the screen may lag: see `renderSlot`. */
  get content(): SlotContent | null {
    return this.#content;
  }

  /** The frame that `renderSlot` saw last; `null` if nobody renders this slot. */
  get presented(): PresentedFrame | null {
    return this.#presented;
  }

  /** In which quality it is served; `null`: the node has not said. */
  get quality(): Quality | null {
    return this.#quality;
  }

  /** How large it is shown, device pixels; `null`: nobody has said. */
  get viewport(): Viewport | null {
    return this.#viewport;
  }

  /**
   * Says how large it is shown, in device pixels: 0 × 0 where it cannot be seen, and nothing is sent
   * then. `renderSlot` does this by itself.
   */
  setViewport(viewport: Viewport | null): void {
    const next = viewport && boundedViewport(viewport);
    const before = this.#viewport;
    if (before?.width === next?.width && before?.height === next?.height) return;
    this.#viewport = next;
    this.#events.emit("viewport", next);
  }

  on<Name extends keyof SlotEvents>(
    name: Name,
    listener: (event: SlotEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** For `Room`: what the node says. */
  assign(content: SlotContent | null): void {
    this.#content = content;
    if (!content) this.rate(null);
    this.#events.emit("content", content);
  }

  /** For `Room`: in which quality the node serves it. */
  rate(quality: Quality | null): void {
    if (quality === this.#quality) return;
    this.#quality = quality;
    this.#events.emit("quality", quality);
  }

  /** For `renderSlot`. */
  present(frame: PresentedFrame | null): void {
    this.#presented = frame;
  }

  /** For `Room`: a new connection. */
  attach(transceiver: RTCRtpTransceiver): void {
    this.#presented = null;
    this.#transceiver = transceiver;
    this.assign(null);
    this.#events.emit("track", this.track);
  }
}

/** Applies assignments; returns the slots that changed. Unknown m-lines are passed over. */
export function applyAssignments(
  slots: readonly Slot[],
  assignments: readonly SlotAssignment[],
): Slot[] {
  const changed: Slot[] = [];
  for (const { mid, content } of assignments) {
    const slot = slots.find((slot) => slot.mid === mid);
    if (!slot) continue;
    slot.assign(content ?? null);
    changed.push(slot);
  }
  return changed;
}

/** Applies what the node says of qualities; returns the slots that it spoke of. */
export function applyQualities(slots: readonly Slot[], qualities: readonly SlotQuality[]): Slot[] {
  return qualities.flatMap(({ mid, layer, limit }) => {
    const slot = slots.find((slot) => slot.mid === mid);
    slot?.rate({ layer: layer ?? null, limit: limit ?? null });
    return slot ?? [];
  });
}
