// The meeting's controls over a library whose changes take their time.

import { expect, test, vi } from "vitest";

import type { LocalDevice } from "../../src/ui/media/local.svelte.js";
import type { Meeting } from "../../src/ui/meeting/meeting.svelte.js";
import type { Room } from "../../src/sdk/sotto.js";

// The page's language is chosen as its code is loaded.
vi.stubGlobal("navigator", { languages: ["en"] });
vi.stubGlobal("document", { documentElement: {} });
const page = await import("../../src/ui/meeting/meeting.svelte.js");

test("a control that is used twice before the first change is done ends where it began", async () => {
  const { meeting, muted } = await entered();
  await Promise.all([meeting.toggleMicrophone(), meeting.toggleMicrophone()]);
  expect(muted).toEqual([true, false]);
  expect(meeting.microphoneOn).toBe(true);
  await Promise.all([meeting.toggleMicrophone(), meeting.toggleMicrophone(), meeting.toggleMicrophone()]);
  expect(muted).toEqual([true, false, true, false, true]);
  expect(meeting.microphoneOn).toBe(false);
});

/** A meeting with a microphone that is on, and what its publication was told since. */
async function entered(): Promise<{ meeting: Meeting; muted: boolean[] }> {
  const muted: boolean[] = [];
  const publication = {
    replaceTrack: () => Promise.resolve(),
    async setMuted(state: boolean) {
      muted.push(state);
      // The others know before the encoder is done.
      await new Promise((done) => setTimeout(done));
    },
  };
  const publications = new Map<string, typeof publication>();
  const room = {
    local: { id: "me", permissions: { publish: true }, publications },
    participants: new Map(),
    slots: [],
    speakers: [],
    models: null,
    on: () => undefined,
    publish: (_: unknown, { source }: { source: string }) => publications.set(source, publication),
  };
  const microphone = { track: {}, want: () => undefined };
  const meeting = new page.Meeting(
    room as unknown as Room,
    { track: null } as LocalDevice,
    microphone as unknown as LocalDevice,
    { microphone: false, camera: false, keep: false, set: () => undefined, setKeep: () => undefined },
  );
  await meeting.start();
  return { meeting, muted };
}
