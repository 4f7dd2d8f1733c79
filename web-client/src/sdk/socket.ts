import { SottoError } from "./errors.js";
import { formatClientMessage, parseServerMessage } from "./signal.js";
import type { ClientMessage, ServerMessage } from "./signal.js";

/** How long the websocket may take to open. */
const OPEN_TIMEOUT_MS = 10_000;
/** How often we ask whether the node is there. */
const PING_INTERVAL_MS = 10_000;
/** How long an answer to that may take before the connection counts as lost. */
const PONG_TIMEOUT_MS = 8_000;

/** What the socket tells its owner. */
export interface SocketListener {
  /** One message. Pongs are kept back. */
  message(message: ServerMessage): void;
  /** A frame that could not be read. The socket stays open. */
  unreadable(error: SottoError): void;
  /** The socket is gone. Called once, and not after `close()`. */
  lost(reason: string): void;
}

/** The signalling websocket: opens with a timeout, notices a silent node, and closes once. */
export class SignalSocket {
  readonly #socket: WebSocket;
  readonly #listener: SocketListener;
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  #pongTimer: ReturnType<typeof setTimeout> | undefined;
  #pings = 0;
  #done = false;

  private constructor(socket: WebSocket, listener: SocketListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lose(event.reason || `websocket closed (${event.code})`);
    this.#pingTimer = setInterval(() => this.#ping(), PING_INTERVAL_MS);
  }

  /** Opens a websocket to `url` (ws: or wss:). */
  static open(url: string, listener: SocketListener): Promise<SignalSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const fail = (code: "timeout" | "unreachable", message: string) => {
        clearTimeout(timer);
        socket.onopen = socket.onclose = null;
        socket.close();
        reject(new SottoError(code, message));
      };
      const timer = setTimeout(
        () => fail("timeout", `${url} did not open within ${OPEN_TIMEOUT_MS} ms`),
        OPEN_TIMEOUT_MS,
      );
      socket.onclose = () => fail("unreachable", `${url} could not be opened`);
      socket.onopen = () => {
        clearTimeout(timer);
        socket.onopen = null;
        resolve(new SignalSocket(socket, listener));
      };
    });
  }

  /** Sends a message. One that is sent after the socket was lost is dropped: `lost` was told. */
  send(message: ClientMessage): void {
    const text = formatClientMessage(message);
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** Closes without telling the listener. */
  close(): void {
    this.#stop();
    this.#socket.close(1000);
  }

  #receive(data: unknown): void {
    if (this.#done) return;
    let message: ServerMessage;
    try {
      if (typeof data !== "string") throw new SottoError("malformed", "the node sent a binary frame");
      message = parseServerMessage(data);
    } catch (error) {
      if (error instanceof SottoError) return this.#listener.unreadable(error);
      throw error;
    }
    if (message.type === "pong") {
      clearTimeout(this.#pongTimer);
      this.#pongTimer = undefined;
      return;
    }
    this.#listener.message(message);
  }

  #ping(): void {
    this.send({ type: "ping", id: this.#pings++ });
    this.#pongTimer ??= setTimeout(() => {
      this.#socket.close();
      this.#lose(`no answer to a ping within ${PONG_TIMEOUT_MS} ms`);
    }, PONG_TIMEOUT_MS);
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
    this.#socket.onmessage = this.#socket.onclose = null;
  }
}
