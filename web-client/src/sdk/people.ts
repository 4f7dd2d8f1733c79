import { rosterDifference, updateRoster } from "./roster.js";
import type { Participant, Roster, RosterEvent } from "./roster.js";
import type { Resumption, ServerMessage } from "./signal.js";

/**
 * Who is in the room, over one connection after another. Behind a restart of the node everybody comes
 * back in some order: those who are not there yet are waited for, as the node waits for a connection
 * that broke, and nobody is told that they left.
 */
export class People {
  readonly #tell: (event: RosterEvent) => void;
  /** Those who are waited for. */
  readonly #absent = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #roster: Roster = new Map();
  #node: string | null = null;

  constructor(tell: (event: RosterEvent) => void) {
    this.#tell = tell;
  }

  /** Everybody else who is visible, by id. A new map whenever it changes. */
  get roster(): Roster {
    return this.#roster;
  }

  /** A welcome: this is everybody who is there. */
  enter(participants: readonly Participant[], resumption: Resumption | null): void {
    const restarted = this.#node !== null && resumption !== null && resumption.node !== this.#node;
    this.#node = resumption?.node ?? null;
    const before = this.#roster;
    const after = new Map(participants.map((one) => [one.id, one]));
    for (const id of after.keys()) this.#absent.delete(id);
    if (restarted) {
      for (const [id, participant] of before) {
        if (after.has(id)) continue;
        this.#absent.add(id);
        after.set(id, { ...participant, tracks: [] });
      }
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#giveUp(), resumption.windowMs);
    }
    this.#roster = after;
    for (const event of rosterDifference(before, after)) this.#tell(event);
  }

  /** Any other message: what is not about people changes nothing. */
  hear(message: ServerMessage): void {
    if (message.type === "participantJoined" || message.type === "participantReturned") {
      this.#absent.delete(message.participant.id);
    }
    const { roster, events } = updateRoster(this.#roster, message);
    this.#roster = roster;
    for (const event of events) this.#tell(event);
  }

  /** Nobody is waited for any longer: the room is over. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#absent.clear();
  }

  #giveUp(): void {
    const before = this.#roster;
    this.#roster = new Map([...before].filter(([id]) => !this.#absent.has(id)));
    this.#absent.clear();
    for (const event of rosterDifference(before, this.#roster)) this.#tell(event);
  }
}
