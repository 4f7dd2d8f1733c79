import { FrameOwners } from "./owner.js";
import { rtpDistance } from "./rtptime.js";
import type { SlotContent } from "./signal.js";
import type { Slot } from "./slots.js";
import { watchElement } from "./viewport.js";
import type { Viewport } from "./viewport.js";

/** Asked for while a picture is awaited, device pixels: its element may be hidden until it is there. */
const AWAITED: Viewport = { width: 160, height: 90 };

/** Assignments remembered since the slot was last empty. */
const MAX_CONTENTS = 32;

/** How a slot is rendered. */
export interface RenderOptions {
  /** Whether the node is told how large the element is shown. Default: true. */
  viewport?: boolean;
  /**
   * Lies over the element in the page, in the same place, for pictures that are made from models. It
   * is visible only while it is what is to be seen. Without one this slot's people come raw.
   */
  canvas?: HTMLCanvasElement;
}

/**
 * Plays a video slot in `video` and calls `onContent` whenever what is **on the screen** changes:
 * with the new content in the very `requestVideoFrameCallback` in which its first frame is
 * presented, with `null` as soon as the slot is empty or pointed at somebody else. Label and crop set there never stand
 * beside a picture of somebody else. Tells the node how large `video` is shown, unless `viewport` is false. Returns a
 * function that stops it.
 */
export function renderSlot(
  slot: Slot,
  video: HTMLVideoElement,
  onContent: (content: SlotContent | null) => void,
  { viewport = true, canvas }: RenderOptions = {},
): () => void {
  const contents = new SlotTimeline();
  let shown: SlotContent | null = null;
  let presented: number | null = null;
  let handle = 0;
  let stopped = false;

  const size = () => {
    if (!view) return;
    const seen = view.size.width > 0 && view.size.height > 0;
    slot.setViewport(seen || shown || !view.pageVisible ? view.size : AWAITED);
  };
  const show = (content: SlotContent | null) => {
    if (sameContent(shown, content)) return;
    shown = content;
    onContent(content);
    size();
  };
  const play = () => {
    video.srcObject = new MediaStream([slot.track]);
    // Rejected when the page may not play yet, or when the source changes again: a muted video
    // starts by itself as soon as it may.
    video.play().catch(() => undefined);
  };
  const frame = (_now: number, metadata: VideoFrameCallbackMetadata) => {
    if (stopped) return;
    handle = video.requestVideoFrameCallback(frame);
    const sources = slot.receiver.getContributingSources();
    contents.observe(sources);
    const newest = sources.reduce<RTCRtpContributingSource | null>(
      (best, source) => (best && best.timestamp >= source.timestamp ? best : source),
      null,
    );
    const called = metadata.rtpTimestamp ?? newest?.rtpTimestamp ?? null;
    if (called !== null) {
      const at = performance.timeOrigin + metadata.expectedDisplayTime;
      slot.present({ rtpTimestamp: called, at });
    }
    presented = currentTimestamp(video) ?? called;
    const content = contents.settled(presented);
    if (content && presented !== null) face?.rawShown(content, presented);
    if (!face?.covers) show(content);
  };

  const offs = [
    slot.on("content", (content) => {
      contents.assign(content);
      // No frame may ever come for an empty slot; and a frame may have come before its message.
      if (!content) presented = null;
      if (face?.covers && sameContent(shown, content)) return;
      show(presented === null ? null : contents.settled(presented));
    }),
    slot.on("track", () => {
      contents.clear();
      presented = null;
      show(null);
      play();
    }),
  ];
  const view = viewport ? watchElement(video, size) : null;
  // What covers the video is shown as soon as it does; what the video shows next follows by itself.
  const covered = (content: SlotContent | null) => content && show(content);
  const face = (canvas && slot.faces?.open(slot, video, canvas, covered)) ?? null;
  contents.assign(slot.content);
  video.muted = true;
  video.autoplay = true;
  video.playsInline = true;
  play();
  handle = video.requestVideoFrameCallback(frame);

  return () => {
    stopped = true;
    video.cancelVideoFrameCallback(handle);
    for (const off of offs) off();
    view?.stop();
    face?.stop();
    if (view) slot.setViewport({ width: 0, height: 0 });
    slot.present(null);
    video.srcObject = null;
  };
}

/** What a slot carried when, from the node's messages and from the CSRCs. Pure. */
export class SlotTimeline {
  readonly #owners = new FrameOwners();
  #contents: SlotContent[] = [];

  /** The node's message. */
  assign(content: SlotContent | null): void {
    if (!content) {
      this.#contents = [];
      return;
    }
    const last = this.#contents.at(-1);
    // The same assignment again, now with its first timestamp.
    if (last && last.shortId === content.shortId && last.track === content.track) {
      this.#contents.pop();
    }
    this.#contents.push(content);
    this.#contents.splice(0, this.#contents.length - MAX_CONTENTS);
    if (typeof content.rtpTimestamp === "number") {
      this.#owners.start(content.rtpTimestamp, content.shortId);
    }
  }

  /** The receiver's contributing sources, read while a frame is presented. */
  observe(sources: readonly { source: number; rtpTimestamp: number }[]): void {
    this.#owners.observe(sources);
  }

  /** The content of the frame with this RTP timestamp; `null` if the slot is empty or unknown. */
  at(rtp: number | null): SlotContent | null {
    const current = this.#contents.at(-1) ?? null;
    if (!current) return null;
    if (rtp === null) return this.#owners.observed ? null : current;
    const owner = this.#owners.ownerOf(rtp);
    if (owner === null) {
      // A browser that shows no CSRCs: all we have is the message.
      return this.#owners.observed || typeof current.rtpTimestamp === "number" ? null : current;
    }
    const own = this.#contents.filter((content) => content.shortId === owner);
    // One person's camera and screen have the same CSRC: their first timestamps tell them apart.
    const begun = own.filter((content) => {
      const start = content.rtpTimestamp;
      return typeof start === "number" && rtpDistance(start, rtp) <= 0;
    });
    return begun.at(-1) ?? own[0] ?? null;
  }

  /**
   * The content of that frame, if it is also what the slot is to carry now. Between an assignment
   * and its first frame nobody is named: the screen may already be a frame ahead of the one that
   * the page is told of.
   */
  settled(rtp: number | null): SlotContent | null {
    const content = this.at(rtp);
    return sameContent(content, this.#contents.at(-1) ?? null) ? content : null;
  }

  /** A new connection. */
  clear(): void {
    this.#owners.clear();
    this.#contents = [];
  }
}

/**
 * RTP timestamp of the frame that the element holds at this moment; `null` if the browser does not
 * say. The frame for which a callback was queued may have been followed by another one by the time
 * it runs: in Chromium 156, one switch in forty came so soon after the last frame of the person
 * before.
 */
function currentTimestamp(video: HTMLVideoElement): number | null {
  if (typeof VideoFrame === "undefined" || !("metadata" in VideoFrame.prototype)) return null;
  let frame: VideoFrame & { metadata(): { rtpTimestamp?: number } };
  try {
    frame = new VideoFrame(video) as typeof frame;
  } catch (error) {
    // The element holds no frame any more: its source changed.
    if (error instanceof DOMException) return null;
    throw error;
  }
  const { rtpTimestamp } = frame.metadata();
  frame.close();
  return rtpTimestamp ?? null;
}

function sameContent(a: SlotContent | null, b: SlotContent | null): boolean {
  if (!a || !b) return a === b;
  return a.shortId === b.shortId && a.track === b.track;
}
