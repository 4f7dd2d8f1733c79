import { DataChannels } from "./data.js";
import type { DataMessage } from "./data.js";
import { SottoError } from "./errors.js";
import { MediaPath } from "./mediapath.js";
import { Negotiation } from "./negotiation.js";
import type { NegotiationConfig } from "./negotiation.js";
import { PROTOCOL_VERSION } from "./signal.js";
import { SignalSession } from "./session.js";
import type { ClientMessage, ModelLines, Resumption, Server, ServerMessage } from "./signal.js";

/** From opening the websocket to the answer. */
const JOIN_TIMEOUT_MS = 15_000;

/**
 * From the answer to the use of TURN servers, if no path was found by then. Most clients need none, and
 * with one in use their media would go a longer way; checks over a slow line take a second.
 */
const SERVERS_AFTER_MS = 1_500;

/** What a connection is made of. */
export interface ConnectionConfig {
  /** Address of the signalling websocket. */
  url: string;
  token: string;
  name: string | null;
  /** Of the connection before this one: whose participant it is to be again. */
  former: Resumption | null;
}

/** What a connection tells its room. */
export interface ConnectionListener {
  /** Each message but answers, `welcome` first. */
  message(message: ServerMessage): void;
  data(message: DataMessage): void;
  error(error: SottoError): void;
  /** Its websocket broke, or there is another one and nothing was lost. Media flows on. */
  signalling(live: boolean): void;
  /** Its m-lines were offered again. */
  renegotiated(): void;
  /** It is over, and the room did not ask for it. */
  lost(error: SottoError): void;
}

/** One session and one peer connection: what a reconnection replaces. */
export class Connection {
  readonly media: Negotiation;
  readonly data: DataChannels;
  readonly #listener: ConnectionListener;
  readonly #path: MediaPath;
  #session: SignalSession | null = null;
  #welcomed: () => void = () => undefined;
  /** Offers once more, with the servers of the node, unless there is a path by then. */
  #servers: ReturnType<typeof setTimeout> | undefined;
  /** Ends `open` with an error; `null` once it is done. */
  #failJoin: ((error: SottoError) => void) | null = null;
  #closed = false;

  constructor(config: NegotiationConfig, listener: ConnectionListener) {
    this.#listener = listener;
    this.media = new Negotiation(config);
    const { pc } = this.media;
    this.data = new DataChannels(pc, (message) => listener.data(message));
    this.#path = new MediaPath(pc, {
      suspect: () => this.#session?.check(),
      restart: () => this.#restart(),
      lost: (error) => this.#lose(error),
    });
  }

  /** Joins: resolves when the node let us in and answered the offer. */
  async open(config: ConnectionConfig): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#failJoin = reject;
    });
    const timer = setTimeout(
      () => this.#lose(new SottoError("timeout", `not joined within ${JOIN_TIMEOUT_MS} ms`)),
      JOIN_TIMEOUT_MS,
    );
    try {
      await Promise.race([failed, this.#join(config)]);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#failJoin = null;
    }
  }

  /** Offers the m-lines that were added since the last offer. */
  negotiate(): Promise<void> {
    return this.media.negotiate((id, sdp, models) => this.send(offer(id, sdp, models)));
  }

  send(message: ClientMessage): void {
    this.#session?.send(message);
  }

  /** Breaks the websocket. For tests of what comes then. */
  breakSocket(): void {
    this.#session?.breakSocket();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#servers);
    this.#path.stop();
    this.#session?.close();
    this.media.close();
  }

  async #join(config: ConnectionConfig): Promise<void> {
    // The offer is made while the websocket opens, and sent right behind the join.
    const opening = SignalSession.open(config.url, {
      message: (message) => this.#receive(message),
      unreadable: (error) => this.#listener.error(error),
      interrupted: () => this.#signalling(false),
      restored: () => this.#signalling(true),
      lost: (reason) => this.#lose(new SottoError("unreachable", reason)),
    });
    const welcomed = new Promise<void>((resolve) => {
      this.#welcomed = resolve;
    });
    const joined = opening.then((session) => {
      if (this.#closed) return session.close();
      this.#session = session;
      const { token, name, former } = config;
      const named = name === null ? {} : { name };
      const resumption = former ? { token: former.token } : {};
      session.send({ type: "join", version: PROTOCOL_VERSION, token, ...named, resumption });
    });
    // Where servers are the only way, the first offer needs them already, and waits for the welcome.
    const ready = this.media.relayOnly ? joined.then(() => welcomed) : Promise.resolve();
    const answered = ready.then(() =>
      this.media.negotiate(async (id, sdp, models) => {
        await joined;
        this.send(offer(id, sdp, models));
      }),
    );
    // All are awaited together; `all` rejects with the first that fails.
    await Promise.all([welcomed, answered, joined]);
    this.#servers = setTimeout(() => void this.#useServers(), SERVERS_AFTER_MS);
  }

  async #restart(): Promise<void> {
    await this.media.restart((id, sdp, models) => this.send(offer(id, sdp, models)));
    this.#listener.renegotiated();
  }

  /** Takes the way over the servers of the node, if there are any and no other was found. */
  async #useServers(): Promise<void> {
    const { pc, relayOnly } = this.media;
    const servers = pc.getConfiguration().iceServers ?? [];
    if (this.#closed || relayOnly || servers.length === 0 || pc.connectionState === "connected") return;
    try {
      await this.#restart();
    } catch (error) {
      if (error instanceof SottoError && !this.#closed) this.#listener.error(error);
    }
  }

  #receive(message: ServerMessage): void {
    if (this.#closed) return;
    switch (message.type) {
      case "welcome":
        this.media.setServers(message.iceServers ?? []);
        this.#listener.message(message);
        return this.#welcomed();
      case "answer":
        void this.media.answer(message.id, message.sdp);
        return;
      case "error":
        return this.#refused(message);
      default:
        this.#listener.message(message);
    }
  }

  #refused(message: Server<"error">): void {
    const { code, fatal } = message;
    const error = new SottoError(code, message.message, { fatal, about: message.about ?? null });
    if (message.about === "offer") this.media.refuse(error);
    // A refusal of anything that a join is made of ends the join.
    if (fatal || this.#failJoin) return this.#lose(error);
    this.#listener.error(error);
  }

  #signalling(live: boolean): void {
    if (this.#closed) return;
    this.#path.signalling(live);
    this.#listener.signalling(live);
  }

  #lose(error: SottoError): void {
    if (this.#closed) return;
    if (this.#failJoin) return this.#failJoin(error);
    this.close();
    this.#listener.lost(error);
  }
}

function offer(id: number, sdp: string, models: ModelLines | null): ClientMessage {
  return { type: "offer", id, sdp, ...(models ? { models } : {}) };
}
