import type { Participant, Quality, QualityLimit, SlotContent } from "../../sdk/sotto.js";

/** The parts of a slot that say whether somebody's picture is held back. */
export interface RatedSlot {
  readonly kind: "audio" | "video";
  readonly content: SlotContent | null;
  readonly quality: Quality | null;
}

/** Why pictures that have a place are not sent, by `pictureOf`. Pure. */
export function heldBack(
  slots: readonly RatedSlot[],
  participants: readonly Participant[],
): Map<string, QualityLimit> {
  const held = new Map<string, QualityLimit>();
  for (const { kind, content, quality } of slots) {
    if (kind !== "video" || !content || !quality || quality.layer || !quality.limit) continue;
    // Not shown by this page: nobody looks at it, so nobody misses it.
    if (quality.limit === "viewport") continue;
    const tracks = participants.find(({ id }) => id === content.participant)?.tracks;
    const screen = tracks?.find(({ id }) => id === content.track)?.source === "screen";
    held.set(pictureOf(content.participant, screen), quality.limit);
  }
  return held;
}

/** One of the two pictures that somebody can have. */
export function pictureOf(participant: string, screen: boolean): string {
  return `${participant} ${screen ? "screen" : "camera"}`;
}
