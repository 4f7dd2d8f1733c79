import type { Speaker } from "../../sdk/sotto.js";

/** Who speaks now, and who spoke before. */
export interface Voices {
  speaking: ReadonlySet<string>;
  /** Latest first; the dominant speaker is the first. */
  recent: readonly string[];
}

/** How many former speakers are remembered. */
const MAX_RECENT = 50;

/** Nobody spoke yet. */
export const SILENCE: Voices = { speaking: new Set(), recent: [] };

/** After a message of the node. `self` is left out of `recent`: nobody watches himself talk. */
export function hear(voices: Voices, speakers: readonly Speaker[], self: string): Voices {
  const now = speakers.map((speaker) => speaker.participant);
  const others = now.filter((id) => id !== self);
  const recent = [...others, ...voices.recent.filter((id) => !others.includes(id))];
  return { speaking: new Set(now), recent: recent.slice(0, MAX_RECENT) };
}
