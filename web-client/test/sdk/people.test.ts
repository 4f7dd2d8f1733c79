import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { People } from "../../src/sdk/people.js";
import type { Participant, RosterEvent } from "../../src/sdk/roster.js";
import type { Resumption } from "../../src/sdk/signal.js";

const voice = { id: 10, source: "microphone", muted: false, encrypted: false } as const;
const ann: Participant = { id: "a", shortId: 1, identity: "ann", name: "Ann", tracks: [voice] };
const bea: Participant = { id: "b", shortId: 2, identity: "bea", name: "Bea", tracks: [] };

function resumption(node: string): Resumption {
  return { token: "t", windowMs: 30_000, node };
}

function people(): { people: People; told: () => string[] } {
  const events: RosterEvent[] = [];
  return {
    people: new People((event) => events.push(event)),
    told: () => events.splice(0).map(({ type, participant }) => `${type} ${participant.id}`),
  };
}

describe("the people of a room", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("behind a restart of the node those who are not back yet are waited for", () => {
    const { people: room, told } = people();
    room.enter([ann, bea], resumption("first"));
    told();
    room.enter([], resumption("second"));
    expect(told()).toEqual(["trackUnpublished a"]);
    expect([...room.roster.keys()].sort()).toEqual(["a", "b"]);
    room.hear({ type: "participantJoined", participant: { ...ann, shortId: 7, tracks: [] } });
    expect(told()).toEqual(["participantReturned a"]);
    vi.advanceTimersByTime(29_999);
    expect(told()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told()).toEqual(["participantLeft b"]);
    expect(room.roster.get("a")?.shortId).toBe(7);
  });

  test("behind another connection to the same node who is not there has left", () => {
    const { people: room, told } = people();
    room.enter([ann, bea], resumption("first"));
    told();
    room.enter([bea], resumption("first"));
    expect(told()).toEqual(["participantLeft a"]);
  });

  test("somebody who returns publishes anew under another number, and never left", () => {
    const { people: room, told } = people();
    room.enter([ann], resumption("first"));
    told();
    const again = { ...ann, shortId: 9, tracks: [] };
    room.hear({ type: "participantReturned", participant: again });
    room.hear({ type: "trackPublished", participant: "a", track: { ...voice, id: 11 } });
    expect(told()).toEqual(["trackUnpublished a", "participantReturned a", "trackPublished a"]);
  });

  test("nobody is given up any more when the room is over", () => {
    const { people: room, told } = people();
    room.enter([ann], resumption("first"));
    room.enter([], resumption("second"));
    told();
    room.stop();
    vi.advanceTimersByTime(60_000);
    expect(told()).toEqual([]);
  });

  test("what changed of those who stayed is told after another connection", () => {
    const { people: room, told } = people();
    room.enter([ann], resumption("first"));
    told();
    const tracks = [{ ...voice, muted: true }, { ...voice, id: 12, source: "camera" as const }];
    room.enter([{ ...ann, tracks }], resumption("first"));
    expect(told()).toEqual(["trackMuted a", "trackPublished a"]);
  });
});
