import { SottoError } from "./errors.js";
import { PROTOCOL_VERSION, formatClientMessage, parseServerMessage } from "./signal.js";
import type { ClientMessage, Resumption, ServerMessage } from "./signal.js";
import { GIVEN_UP, SignalSocket } from "./socket.js";
import { Unconfirmed } from "./unconfirmed.js";

/** How long the first websocket may take to open, ms. */
const OPEN_TIMEOUT_MS = 10_000;
/** How long another one may take to open: a network that comes back answers a fresh attempt sooner. */
const REOPEN_TIMEOUT_MS = 2_000;
/** From its opening to the node's answer. */
const RESUME_TIMEOUT_MS = 3_000;
/** Pauses between attempts to go on, ms; the last one repeats. */
const RESUME_PAUSES_MS = [0, 250, 500, 1_000];
/** How often we ask whether the node is there. */
const PING_INTERVAL_MS = 10_000;
/** How long an answer to that may take before the websocket counts as broken. */
const PONG_TIMEOUT_MS = 8_000;
/** The same where there is reason to doubt that it works. */
const CHECK_TIMEOUT_MS = 1_500;

/** What a session tells its owner. */
export interface SessionListener {
  /** One message. Those that a session is made of are kept back. */
  message(message: ServerMessage): void;
  /** A frame that could not be read. The session goes on. */
  unreadable(error: SottoError): void;
  /** The websocket broke. What is sent from now on waits for another one. */
  interrupted(reason: string): void;
  /** There is another one, and nothing was lost. */
  restored(): void;
  /** It is over. Called once, and not after `close()`. */
  lost(reason: string): void;
}

/**
 * The conversation with the node: one session over one websocket after another. Notices a node that is
 * silent, and goes on over another websocket if the node waits for it; both sides then say again what
 * the other one missed.
 */
export class SignalSession {
  readonly #url: string;
  readonly #listener: SessionListener;
  readonly #unconfirmed = new Unconfirmed();
  /** `null`: it broke, and another one is not there yet. */
  #socket: SignalSocket | null = null;
  #resumption: Resumption | null = null;
  #received = 0;
  #pings = 0;
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  #pongTimer: ReturnType<typeof setTimeout> | undefined;
  /** Takes the answer to `resume`, or why there is none; `null`: none is awaited. */
  #answer: ((answer: ServerMessage | SottoError) => void) | null = null;
  #done = false;

  private constructor(url: string, listener: SessionListener) {
    this.#url = url;
    this.#listener = listener;
    this.#pingTimer = setInterval(() => this.#ping(PONG_TIMEOUT_MS), PING_INTERVAL_MS);
  }

  /** Opens a websocket to `url` (ws: or wss:), on which nothing is said yet. */
  static async open(url: string, listener: SessionListener): Promise<SignalSession> {
    const session = new SignalSession(url, listener);
    try {
      session.#socket = await session.#open(OPEN_TIMEOUT_MS);
    } catch (error) {
      session.#stop();
      throw error;
    }
    return session;
  }

  /** Whether there is a websocket now. */
  get live(): boolean {
    return this.#socket !== null;
  }

  /** Sends a message, at once or when there is a websocket again. */
  send(message: ClientMessage): void {
    const text = formatClientMessage(message);
    this.#unconfirmed.push(text);
    this.#socket?.send(text);
  }

  /** There is reason to doubt that the websocket works: it is found out soon. */
  check(): void {
    if (this.#socket) this.#ping(CHECK_TIMEOUT_MS);
  }

  /** Breaks the websocket, as a network does that goes away. For tests of what comes then. */
  breakSocket(): void {
    this.#broken("broken on purpose");
  }

  /** Closes without telling the listener. */
  close(): void {
    this.#stop();
    this.#socket?.close();
    this.#socket = null;
  }

  #open(timeout: number): Promise<SignalSocket> {
    const listener = {
      frame: (data: unknown) => this.#receive(data),
      lost: (reason: string) => this.#broken(reason),
    };
    return SignalSocket.open(this.#url, listener, timeout);
  }

  #receive(data: unknown): void {
    if (this.#done) return;
    let message: ServerMessage;
    try {
      if (typeof data !== "string") throw new SottoError("malformed", "the node sent a binary frame");
      message = parseServerMessage(data);
    } catch (error) {
      if (!(error instanceof SottoError)) throw error;
      this.#received += 1;
      return this.#listener.unreadable(error);
    }
    // The first thing on another websocket is the node's answer, which does not count.
    if (this.#answer) return this.#answer(message);
    this.#received += 1;
    if (message.type === "pong") return this.#heardPong();
    if (message.type === "welcome") this.#resumption = message.resumption ?? null;
    this.#listener.message(message);
  }

  #heardPong(): void {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
  }

  #ping(timeout: number): void {
    if (!this.#socket) return;
    this.send({ type: "ping", id: this.#pings++ });
    const broken = () => this.#broken(`no answer to a ping within ${timeout} ms`);
    if (this.#pongTimer !== undefined && timeout === PONG_TIMEOUT_MS) return;
    clearTimeout(this.#pongTimer);
    this.#pongTimer = setTimeout(broken, timeout);
  }

  #broken(reason: string): void {
    if (this.#done) return;
    if (this.#answer) return this.#answer(new SottoError("unreachable", reason));
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.close(GIVEN_UP);
    this.#heardPong();
    if (!this.#resumption) return this.#lose(reason);
    this.#listener.interrupted(reason);
    void this.#resume(this.#resumption, reason);
  }

  /** Tries to go on until the node waits no longer. */
  async #resume(resumption: Resumption, reason: string): Promise<void> {
    const deadline = performance.now() + resumption.windowMs;
    for (let attempt = 0; performance.now() < deadline; attempt++) {
      const pause = RESUME_PAUSES_MS[Math.min(attempt, RESUME_PAUSES_MS.length - 1)] ?? 0;
      // Half of it at random, so that a node is not met by everyone at once.
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
      if (this.#done) return;
      try {
        await this.#goOn(resumption);
        return;
      } catch (error) {
        if (this.#done) return;
        // The node has spoken: there is nothing to go on with.
        if (error instanceof SottoError && error.fatal) break;
      }
    }
    this.#lose(reason);
  }

  async #goOn({ token }: Resumption): Promise<void> {
    const socket = await this.#open(REOPEN_TIMEOUT_MS);
    if (this.#done) return socket.close();
    const answered = new Promise<void>((resolve, reject) => {
      const late = new SottoError("timeout", "no answer to resume");
      const timer = setTimeout(() => this.#answer?.(late), RESUME_TIMEOUT_MS);
      // In the same turn, since what was missed follows the answer.
      this.#answer = (answer) => {
        clearTimeout(timer);
        this.#answer = null;
        try {
          this.#take(answer, socket);
          resolve();
        } catch (error) {
          socket.close(GIVEN_UP);
          reject(error as SottoError);
        }
      };
    });
    const received = this.#received;
    socket.send(formatClientMessage({ type: "resume", version: PROTOCOL_VERSION, token, received }));
    await answered;
  }

  /** The node's answer to `resume`. Throws unless the session goes on. */
  #take(answer: ServerMessage | SottoError, socket: SignalSocket): void {
    if (answer instanceof SottoError) throw answer;
    if (answer.type === "error") {
      throw new SottoError(answer.code, answer.message, { fatal: answer.fatal });
    }
    const missed = answer.type === "resumed" ? this.#unconfirmed.after(answer.received) : null;
    if (!missed) throw new SottoError("unreachable", "too much was missed", { fatal: true });
    this.#socket = socket;
    for (const text of missed) socket.send(text);
    this.#listener.restored();
  }

  #lose(reason: string): void {
    if (this.#done) return;
    this.#stop();
    this.#listener.lost(reason);
  }

  #stop(): void {
    this.#done = true;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#pongTimer);
    this.#answer?.(new SottoError("usage", "the session was closed"));
  }
}
