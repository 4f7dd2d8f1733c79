/** A model that could not be got or given. */
export class ModelTransferError extends Error {
  override readonly name = "ModelTransferError";
  /** HTTP status; 0: the node was not reached. */
  readonly status: number;

  constructor(status: number) {
    super(status === 0 ? "the node was not reached" : `the node answered ${status}`);
    this.status = status;
  }
}

/** The largest container, bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** A model of one's own that the node keeps from an earlier meeting. */
export interface KeptModel {
  source: string;
  plugin: number;
  version: number;
  epoch: number;
  hash: string;
  bytes: number;
  /** When it is removed, seconds since 1970. */
  expires: number;
}

/** All of them, and for how many days the node keeps models; `null`: it keeps none. */
export interface KeptShelf {
  days: number | null;
  kept: KeptModel[];
}

/** Models over HTTP, by hash. What comes is checked by the codec, not here. */
export class ModelStore {
  readonly #url: string;
  readonly #key: string;
  /** A connection may upload one model at a time. */
  #uploaded: Promise<unknown> = Promise.resolve();
  #shelf: Promise<KeptShelf> | null = null;

  /** `signalUrl`: the websocket of the node; `key`: the secret of this connection. */
  constructor(signalUrl: string, key: string) {
    this.#url = modelsUrl(signalUrl);
    this.#key = key;
  }

  /** The container with this hash, or the delta to it from `base` where the node has that. */
  async get(hash: string, base: string | null, signal?: AbortSignal): Promise<ArrayBuffer> {
    const query = base === null ? "" : `?base=${base}`;
    const response = await this.#fetch(`/${hash}${query}`, { signal: signal ?? null });
    const bytes = await response.arrayBuffer();
    if (bytes.byteLength > MAX_BYTES) throw new ModelTransferError(response.status);
    return bytes;
  }

  /**
   * Gives the node one's own model, or a delta to it, once those before it are there; `null`: it has
   * kept it. `keep`: for another meeting, where the node keeps any.
   */
  async put(hash: string, bytes: Uint8Array<ArrayBuffer> | null, keep = false): Promise<void> {
    const path = keep ? `/${hash}?keep=true` : `/${hash}`;
    await this.#inTurn(() => this.#fetch(path, { method: "PUT", body: bytes }));
  }

  /** What the node kept of this person when it was first asked on this connection. */
  kept(): Promise<KeptShelf> {
    this.#shelf ??= this.#askKept();
    return this.#shelf;
  }

  async #askKept(): Promise<KeptShelf> {
    try {
      const answer = await this.#inTurn(() => this.#fetch("", {}));
      return (await answer.json()) as KeptShelf;
    } catch (error) {
      // Asked again by whoever wants to know next.
      this.#shelf = null;
      throw error;
    }
  }

  /** Has the node keep nothing of this person any longer. */
  async forgetKept(): Promise<void> {
    await this.#inTurn(() => this.#fetch("", { method: "DELETE" }));
  }

  /** One at a time: the node takes no two. */
  async #inTurn(request: () => Promise<Response>): Promise<Response> {
    const turn = this.#uploaded.then(request);
    this.#uploaded = turn.catch(() => undefined);
    return turn;
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#key}` };
    let response: Response;
    try {
      // Of the connection that it was granted to: no cache may answer in the node's place.
      response = await fetch(`${this.#url}${path}`, { ...init, headers, cache: "no-store" });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ModelTransferError(0);
    }
    if (!response.ok) throw new ModelTransferError(response.status);
    return response;
  }
}

/** Where the node whose websocket this is keeps models. */
export function modelsUrl(signalUrl: string): string {
  const url = new URL(signalUrl);
  return `${url.protocol === "wss:" ? "https:" : "http:"}//${url.host}/v1/models`;
}
