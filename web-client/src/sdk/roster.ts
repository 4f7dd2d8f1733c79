import type { LeaveReason, ParticipantInfo, ServerMessage, TrackInfo } from "./signal.js";

/** Somebody else in the room. A new object whenever something about it changed. */
export type Participant = Readonly<Omit<ParticipantInfo, "tracks">> & {
  readonly tracks: readonly Readonly<TrackInfo>[];
};

/** Who is here: a new map whenever it changed. */
export type Roster = ReadonlyMap<string, Participant>;

/** What changed. */
export type RosterEvent =
  | { type: "participantJoined"; participant: Participant }
  /** With another connection, and another number: what it published before is over, and was told. */
  | { type: "participantReturned"; participant: Participant; former: Participant }
  | { type: "participantLeft"; participant: Participant; reason: LeaveReason }
  | { type: "trackPublished"; participant: Participant; track: TrackInfo }
  | { type: "trackUnpublished"; participant: Participant; track: TrackInfo }
  | { type: "trackMuted"; participant: Participant; track: TrackInfo };

/** A roster, and what led to it. */
interface Update {
  roster: Roster;
  events: RosterEvent[];
}

/** The roster after a message, and what changed; messages about unknown people change nothing. */
export function updateRoster(roster: Roster, message: ServerMessage): Update {
  switch (message.type) {
    case "participantJoined":
    case "participantReturned": {
      const { participant } = message;
      const former = roster.get(participant.id);
      return {
        roster: withParticipant(roster, participant),
        events: former ? changes(former, participant) : [{ type: "participantJoined", participant }],
      };
    }
    case "participantLeft": {
      const participant = roster.get(message.participant);
      if (!participant) break;
      const next = new Map(roster);
      next.delete(participant.id);
      return {
        roster: next,
        events: [{ type: "participantLeft", participant, reason: message.reason }],
      };
    }
    case "trackPublished": {
      const before = roster.get(message.participant);
      if (!before) break;
      const { track } = message;
      const others = before.tracks.filter((other) => other.id !== track.id);
      const participant = { ...before, tracks: [...others, track] };
      return {
        roster: withParticipant(roster, participant),
        events: [{ type: "trackPublished", participant, track }],
      };
    }
    case "trackUnpublished": {
      const before = roster.get(message.participant);
      const track = before?.tracks.find((track) => track.id === message.track);
      if (!before || !track) break;
      const participant = { ...before, tracks: before.tracks.filter((other) => other !== track) };
      return {
        roster: withParticipant(roster, participant),
        events: [{ type: "trackUnpublished", participant, track }],
      };
    }
    case "trackMuted": {
      const before = roster.get(message.participant);
      const old = before?.tracks.find((track) => track.id === message.track);
      if (!before || !old) break;
      const track = { ...old, muted: message.muted };
      const tracks = before.tracks.map((other) => (other === old ? track : other));
      const participant = { ...before, tracks };
      return {
        roster: withParticipant(roster, participant),
        events: [{ type: "trackMuted", participant, track }],
      };
    }
  }
  return { roster, events: [] };
}

/** What changed between two rosters, as the events that would have led from one to the other. */
export function rosterDifference(before: Roster, after: Roster): RosterEvent[] {
  const events: RosterEvent[] = [];
  for (const [id, participant] of before) {
    if (!after.has(id)) events.push({ type: "participantLeft", participant, reason: "connectionLost" });
  }
  for (const [id, participant] of after) {
    const former = before.get(id);
    if (former) events.push(...changes(former, participant));
    else events.push({ type: "participantJoined", participant });
  }
  return events;
}

/** What changed about somebody. */
function changes(before: Participant, after: Participant): RosterEvent[] {
  const kept = before.shortId === after.shortId;
  const was = (track: TrackInfo) => before.tracks.find(({ id }) => kept && id === track.id);
  const is = (track: TrackInfo) => after.tracks.some(({ id }) => kept && id === track.id);
  const events: RosterEvent[] = [];
  for (const track of before.tracks) {
    if (!is(track)) events.push({ type: "trackUnpublished", participant: after, track });
  }
  if (!kept) events.push({ type: "participantReturned", participant: after, former: before });
  for (const track of after.tracks) {
    const old = was(track);
    if (!old) events.push({ type: "trackPublished", participant: after, track });
    else if (old.muted !== track.muted) {
      events.push({ type: "trackMuted", participant: after, track });
    }
  }
  return events;
}

function withParticipant(roster: Roster, participant: Participant): Roster {
  return new Map(roster).set(participant.id, participant);
}
