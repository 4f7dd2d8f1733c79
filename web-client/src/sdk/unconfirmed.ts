/** Most messages that are kept. More than that in the time that a websocket is away is no session. */
const KEPT = 256;

/** Most messages that are said again at once: the node takes 100. */
const SAID_AGAIN = 80;

/** What this client has said in a session, as far as the node may have missed it. */
export class Unconfirmed {
  #said = 0;
  #kept: string[] = [];

  /** Keeps a message that is sent, or is to be sent when there is a websocket again. */
  push(text: string): void {
    this.#said += 1;
    this.#kept.push(text);
    if (this.#kept.length > KEPT) this.#kept.shift();
  }

  /** What a node that has had `received` messages missed; `null`: not all of it is here. */
  after(received: number): readonly string[] | null {
    const missed = this.#said - received;
    if (missed < 0 || missed > Math.min(this.#kept.length, SAID_AGAIN)) return null;
    this.#kept = missed === 0 ? [] : this.#kept.slice(-missed);
    return this.#kept;
  }
}
