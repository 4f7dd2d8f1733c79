/** Who may ask for media to be held back in a receiver's jitter buffer. */
export type HoldReason = "lips" | "switch";

/** Longest wait that browsers take, ms (WebRTC extensions, section 3.1). */
const MOST_MS = 4000;

const holds = new WeakMap<RTCRtpReceiver, Map<HoldReason, number>>();

/**
 * Has the media of a receiver wait at least `ms`; `null`: as `who` is concerned, as short as the
 * browser likes. The longest wait that anybody asks for counts, up to what browsers take.
 */
export function holdBack(receiver: RTCRtpReceiver, who: HoldReason, ms: number | null): void {
  if (!("jitterBufferTarget" in receiver)) return;
  const own = holds.get(receiver) ?? new Map<HoldReason, number>();
  holds.set(receiver, own);
  if (ms === null) own.delete(who);
  else own.set(who, Math.min(MOST_MS, Math.max(0, Math.round(ms))));
  const target = own.size > 0 ? Math.max(...own.values()) : null;
  if (receiver.jitterBufferTarget !== target) receiver.jitterBufferTarget = target;
}
