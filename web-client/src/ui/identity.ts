import { recall, remember } from "./memory.js";

/** Only one page of a browser at a time is somebody who is known: joining twice replaces the first. */
const LOCK = "sotto.identity";

/**
 * Who this page is to a server that hands tokens to everybody. `known`: whoever it was in the last
 * meeting, if no other page is that now; otherwise somebody new.
 */
export async function guestIdentity(known: boolean): Promise<string> {
  const somebody = `guest-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  if (!known || !(await taken())) return somebody;
  const before = recall("identity");
  if (before === null) remember("identity", somebody);
  return before ?? somebody;
}

/** Is this again in the next meeting; `null`: somebody new. */
export function keepIdentity(identity: string | null): void {
  remember("identity", identity);
  if (identity !== null) void taken();
}

/** Whether this page is the one that is known, for as long as it lives. */
async function taken(): Promise<boolean> {
  if (!("locks" in navigator)) return false;
  return new Promise((done) => {
    void navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
      done(lock !== null);
      return lock && new Promise<never>(() => undefined);
    });
  });
}
