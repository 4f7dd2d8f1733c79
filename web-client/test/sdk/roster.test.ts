import { describe, expect, test } from "vitest";
import { rosterDifference, updateRoster } from "../../src/sdk/roster.js";
import type { Participant, Roster } from "../../src/sdk/roster.js";
import type { ServerMessage, TrackInfo } from "../../src/sdk/signal.js";

const ann: Participant = { id: "a", shortId: 1, identity: "ann", name: "Ann", tracks: [] };
const voice: TrackInfo = { id: 10, source: "microphone", muted: false, encrypted: false };

function after(...messages: ServerMessage[]): { roster: Roster; events: string[] } {
  let roster: Roster = new Map();
  const events: string[] = [];
  for (const message of messages) {
    const update = updateRoster(roster, message);
    roster = update.roster;
    events.push(...update.events.map(({ type }) => type));
  }
  return { roster, events };
}

const joined: ServerMessage = { type: "participantJoined", participant: { ...ann, tracks: [] } };
const published: ServerMessage = { type: "trackPublished", participant: "a", track: voice };

describe("the roster", () => {
  test("follows somebody from joining to leaving", () => {
    const { roster, events } = after(
      joined,
      published,
      { type: "trackMuted", participant: "a", track: 10, muted: true },
    );
    expect(roster.get("a")?.tracks).toEqual([{ ...voice, muted: true }]);
    expect(events).toEqual(["participantJoined", "trackPublished", "trackMuted"]);
    const left = updateRoster(roster, { type: "participantLeft", participant: "a", reason: "left" });
    expect(left.roster.size).toBe(0);
    expect(left.events).toMatchObject([{ type: "participantLeft", participant: { name: "Ann" } }]);
  });

  test("the same publication twice is one track", () => {
    expect(after(joined, published, published).roster.get("a")?.tracks).toHaveLength(1);
  });

  test("messages about people and tracks that are not here change nothing", () => {
    const { roster, events } = after(
      published,
      { type: "participantLeft", participant: "a", reason: "left" },
      joined,
      { type: "trackMuted", participant: "a", track: 99, muted: true },
      { type: "trackUnpublished", participant: "a", track: 99 },
    );
    expect(roster.get("a")?.tracks).toEqual([]);
    expect(events).toEqual(["participantJoined"]);
  });

  test("an update leaves the former roster as it was", () => {
    const before = after(joined).roster;
    updateRoster(before, published);
    expect(before.get("a")?.tracks).toEqual([]);
  });

  test("after a reconnection only the difference is told", () => {
    const bea = { ...ann, id: "b", name: "Bea" };
    const cid = { ...ann, id: "c", name: "Cid" };
    const events = rosterDifference(
      new Map([["a", ann], ["b", bea]]),
      new Map([["b", bea], ["c", cid]]),
    );
    expect(events.map(({ type, participant }) => [type, participant.id])).toEqual([
      ["participantLeft", "a"],
      ["participantJoined", "c"],
    ]);
  });
});
