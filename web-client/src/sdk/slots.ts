import { Emitter } from "./emitter.js";
import type { SlotAssignment, SlotContent } from "./signal.js";

/** A frame on the screen. */
export interface PresentedFrame {
  rtpTimestamp: number;
  /** When it is expected on the screen, ms since 1970. */
  at: number;
}

/** Events of one slot. */
export interface SlotEvents {
  /** The node pointed it elsewhere, or nowhere. The picture follows at its own frame. */
  content: SlotContent | null;
  /** A new connection: `track` and `receiver` are others now. */
  track: MediaStreamTrack;
}

/**
 * A receive-only m-line that the node points at any publisher. It stays the same object for as
 * long as the room lives, also across reconnections.
 */
export class Slot {
  readonly kind: "audio" | "video";
  readonly #events = new Emitter<SlotEvents>();
  #transceiver: RTCRtpTransceiver;
  #content: SlotContent | null = null;
  #presented: PresentedFrame | null = null;

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

  on<Name extends keyof SlotEvents>(
    name: Name,
    listener: (event: SlotEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** For `Room`: what the node says. */
  assign(content: SlotContent | null): void {
    this.#content = content;
    this.#events.emit("content", content);
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
