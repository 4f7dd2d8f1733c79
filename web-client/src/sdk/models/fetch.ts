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

/** Models over HTTP, by hash. What comes is checked by the codec, not here. */
export class ModelStore {
  readonly #url: string;
  readonly #key: string;

  /** `signalUrl`: the websocket of the node; `key`: the secret of this connection. */
  constructor(signalUrl: string, key: string) {
    this.#url = modelsUrl(signalUrl);
    this.#key = key;
  }

  /** The container with this hash, or the delta to it from `base` where the node has that. */
  async get(hash: string, base: string | null, signal?: AbortSignal): Promise<ArrayBuffer> {
    const query = base === null ? "" : `?base=${base}`;
    const response = await this.#fetch(`${hash}${query}`, { signal: signal ?? null });
    const bytes = await response.arrayBuffer();
    if (bytes.byteLength > MAX_BYTES) throw new ModelTransferError(response.status);
    return bytes;
  }

  /** Gives the node one's own model, or a delta to it. */
  async put(hash: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#fetch(hash, { method: "PUT", body: bytes });
  }

  async delete(hash: string): Promise<void> {
    await this.#fetch(hash, { method: "DELETE" });
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#key}` };
    let response: Response;
    try {
      // Of the connection that it was granted to: no cache may answer in the node's place.
      response = await fetch(`${this.#url}/${path}`, { ...init, headers, cache: "no-store" });
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
