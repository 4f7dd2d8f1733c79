import { rtpDistance } from "./rtptime.js";
import type { SlotContent } from "./signal.js";
import type { Slot } from "./slots.js";

/** RTP clock units per millisecond: Opus and VP8. */
const CLOCK = { audio: 48, video: 90 } as const;
/** From a decoded frame to the screen where nobody tells, ms: one refresh at 60 Hz. */
const DISPLAY_MS = 16;
/** Older than this, ms, a frame says nothing of the present. */
const FRESH_MS = 500;

/** Media that came out. */
export interface Played {
  rtpTimestamp: number;
  /** When it was heard or seen, ms since 1970. */
  at: number;
}

/**
 * From capture to ear or eye, ms, on the clock of whoever publishes `content`: only differences
 * between two slots of one person mean something. `null`: the node has not told the clock yet, or
 * what came out was of somebody before.
 */
export function latencyOf(
  kind: "audio" | "video",
  content: SlotContent | null,
  played: Played | null,
): number | null {
  const start = content?.rtpTimestamp;
  const captured = content?.captureTime;
  if (!played || typeof start !== "number" || typeof captured !== "number") return null;
  const units = rtpDistance(played.rtpTimestamp, start);
  if (units < 0) return null;
  return played.at - (captured / 1000 + units / CLOCK[kind]);
}

/** What a slot plays now; `outputMs`: from the jitter buffer to the loudspeaker. */
export function playedNow(slot: Slot, outputMs: number): Played | null {
  const now = performance.timeOrigin + performance.now();
  const played = slot.kind === "video" ? seen(slot) : delivered(slot, outputMs);
  return played && Math.abs(now - played.at) <= FRESH_MS ? played : null;
}

function seen(slot: Slot): Played | null {
  return slot.presented ?? delivered(slot, DISPLAY_MS);
}

function delivered(slot: Slot, outputMs: number): Played | null {
  let newest: RTCRtpSynchronizationSource | null = null;
  for (const source of slot.receiver.getSynchronizationSources()) {
    if (!newest || source.timestamp > newest.timestamp) newest = source;
  }
  if (!newest) return null;
  // Chromium counts from 1970, others from the page's own origin.
  const origin = newest.timestamp < performance.timeOrigin / 2 ? performance.timeOrigin : 0;
  return { rtpTimestamp: newest.rtpTimestamp, at: origin + newest.timestamp + outputMs };
}
