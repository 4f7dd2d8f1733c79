import { rtpDistance } from "./rtptime.js";

/** What `RTCRtpReceiver.getContributingSources()` says of one CSRC: its latest frame. */
export interface Contribution {
  source: number;
  rtpTimestamp: number;
}

/** At this RTP timestamp the slot showed this participant. */
interface Mark {
  rtp: number;
  shortId: number;
  /** Whether the node said that the participant's first frame is this one. */
  start: boolean;
}

/** Switches that are remembered. A frame is presented well within this many of them. */
const MAX_MARKS = 64;

/**
 * Whose frame is it? Collects what is known about one slot's timeline (CSRCs as frames were
 * delivered, first timestamps from the node) and answers for the frame that is being presented,
 * which may be older than the frame that was delivered last.
 */
export class FrameOwners {
  /** By RTP timestamp, oldest first; of a run of one participant only the ends are kept. */
  #marks: Mark[] = [];
  #observed = false;

  /** Whether any CSRC was ever seen. */
  get observed(): boolean {
    return this.#observed;
  }

  /** Marks that are kept now. */
  get size(): number {
    return this.#marks.length;
  }

  /** The node said: from this timestamp on it is `shortId`. */
  start(rtp: number, shortId: number): void {
    this.#insert({ rtp, shortId, start: true });
  }

  /** The receiver says: these were the latest frames of these CSRCs. */
  observe(contributions: readonly Contribution[]): void {
    for (const { source, rtpTimestamp } of contributions) {
      this.#observed = true;
      this.#insert({ rtp: rtpTimestamp, shortId: source, start: false });
    }
  }

  /** The CSRC of the frame with this RTP timestamp; `null` if nothing is known. */
  ownerOf(rtp: number): number | null {
    let before: Mark | undefined;
    let after: Mark | undefined;
    for (const mark of this.#marks) {
      const distance = rtpDistance(mark.rtp, rtp);
      if (distance === 0) return mark.shortId;
      if (distance < 0) before = mark;
      else after ??= mark;
    }
    if (!after) return before?.shortId ?? null;
    if (!before) return after.start ? null : after.shortId;
    if (before.shortId === after.shortId || after.start) return before.shortId;
    // Between the last frame seen of one and the first frame seen of another, and the node has
    // not said where the change was. A CSRC is reported with its latest frame: if nothing later
    // is known of the first one, this frame is not its own.
    const returns = this.#marks.some(
      (mark) => mark.shortId === before.shortId && rtpDistance(mark.rtp, rtp) > 0,
    );
    return returns ? before.shortId : after.shortId;
  }

  /** A new connection: nothing is known. */
  clear(): void {
    this.#marks = [];
    this.#observed = false;
  }

  #insert(mark: Mark): void {
    const marks = this.#marks;
    let at = marks.length;
    while (at > 0 && rtpDistance((marks[at - 1] as Mark).rtp, mark.rtp) > 0) at--;
    const equal = marks[at - 1];
    if (equal && equal.rtp === mark.rtp) {
      // What was delivered outweighs what was announced.
      if (!mark.start || equal.start) equal.shortId = mark.shortId;
      equal.start ||= mark.start;
    } else {
      marks.splice(at, 0, mark);
    }
    this.#collapse();
  }

  /** Drops what lies within a run of one participant, and the oldest marks beyond the limit. */
  #collapse(): void {
    const marks = this.#marks;
    this.#marks = marks.filter((mark, at) => {
      const before = marks[at - 1];
      const after = marks[at + 1];
      if (mark.start || !before || !after) return true;
      return before.shortId !== mark.shortId || after.shortId !== mark.shortId;
    });
    this.#marks.splice(0, this.#marks.length - MAX_MARKS);
  }
}
