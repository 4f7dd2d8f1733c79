import { SottoError } from "./errors.js";

/** Close code of a websocket that hangs and is given up for another one: its session goes on. */
export const GIVEN_UP = 4000;

/** What the socket tells its owner. */
export interface SocketListener {
  /** One frame: text, unless the node is broken. */
  frame(data: unknown): void;
  /** The socket is gone. Called once, and not after `close()`. */
  lost(reason: string): void;
}

/** One websocket: opens with a timeout, and closes once. */
export class SignalSocket {
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket, listener: SocketListener) {
    this.#socket = socket;
    socket.onmessage = (event) => listener.frame(event.data);
    socket.onclose = (event) => {
      this.#forget();
      listener.lost(event.reason || `websocket closed (${event.code})`);
    };
  }

  /** Opens a websocket to `url` (ws: or wss:), within `timeout` ms. */
  static open(url: string, listener: SocketListener, timeout: number): Promise<SignalSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const fail = (code: "timeout" | "unreachable", message: string) => {
        clearTimeout(timer);
        socket.onopen = socket.onclose = null;
        socket.close();
        reject(new SottoError(code, message));
      };
      const timer = setTimeout(
        () => fail("timeout", `${url} did not open within ${timeout} ms`),
        timeout,
      );
      socket.onclose = () => fail("unreachable", `${url} could not be opened`);
      socket.onopen = () => {
        clearTimeout(timer);
        socket.onopen = null;
        resolve(new SignalSocket(socket, listener));
      };
    });
  }

  /** Sends a frame; nothing, once the socket is gone. */
  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** Closes without telling the listener. */
  close(code = 1000): void {
    this.#forget();
    this.#socket.close(code);
  }

  #forget(): void {
    this.#socket.onmessage = this.#socket.onclose = null;
  }
}
