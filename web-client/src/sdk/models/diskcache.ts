import type { DiskCopy } from "./messages.js";

/** Copies at most, and their bytes. Full: those that were used longest ago go. */
const MAX_COPIES = 64;
const MAX_BYTES = 16 * 1024 * 1024;
/** Name of the cache of a page's origin. */
const CACHE = "sotto-models";
/** Copies are found under addresses that nothing can be fetched from. */
const ADDRESS = "https://models.sotto.invalid/";
const EXPIRES = "x-expires";
const USED = "x-used";
const NONCE_LEN = 12;
const DIGEST_LEN = 32;

interface Found {
  hash: string;
  /** When it is removed, and when it was used last, ms since 1970. */
  expires: number;
  used: number;
  bytes: number;
}

/**
 * Copies of other people's models on this device's disk, of those alone who allowed it: encrypted
 * (AES-256-GCM) with a key that the node tells while they are in the room, checked by hash when they are
 * read, and removed when that is taken back, or in the end by themselves. Without Cache Storage, as in a
 * page that is not secure, there are none.
 */
export class DiskCache {
  readonly #open: () => Promise<Cache | null>;
  readonly #now: () => number;
  #cache: Promise<Cache | null> | null = null;
  /** One at a time: what is removed while it is written is gone. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `now`: ms since 1970. */
  constructor(open: () => Promise<Cache | null> = openCache, now: () => number = Date.now) {
    this.#open = open;
    this.#now = now;
  }

  /** The container with this hash; `null`: there is none that can be read, and none is left. */
  get(hash: string, copy: DiskCopy): Promise<ArrayBuffer | null> {
    return this.#inTurn(async (cache) => {
      const response = await cache.match(ADDRESS + hash);
      if (!response) return null;
      const container = await this.#read(response, hash, copy);
      if (container) await write(cache, hash, await response.clone().arrayBuffer(), copy, this.#now());
      else await cache.delete(ADDRESS + hash);
      return container;
    });
  }

  /** Keeps a container, which the codec has checked. */
  async put(hash: string, container: ArrayBuffer, copy: DiskCopy): Promise<void> {
    await this.#inTurn(async (cache) => {
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE_LEN));
      const key = await importKey(copy.key);
      const sealed = new Uint8Array(await crypto.subtle.encrypt(sealing(nonce, hash), key, container));
      const bytes = new Uint8Array(NONCE_LEN + sealed.length);
      bytes.set(nonce);
      bytes.set(sealed, NONCE_LEN);
      await write(cache, hash, bytes.buffer, copy, this.#now());
      await this.#sweep(cache);
      return null;
    });
  }

  /** Its speaker allows no copy any longer. */
  async remove(hash: string): Promise<void> {
    await this.#inTurn(async (cache) => {
      await cache.delete(ADDRESS + hash);
      return null;
    });
  }

  /** Removes what has expired, and what is too much. */
  async sweep(): Promise<void> {
    await this.#inTurn(async (cache) => {
      await this.#sweep(cache);
      return null;
    });
  }

  async #read(response: Response, hash: string, copy: DiskCopy): Promise<ArrayBuffer | null> {
    if (found(hash, response).expires <= this.#now()) return null;
    const bytes = new Uint8Array(await response.clone().arrayBuffer());
    const [nonce, sealed] = [bytes.slice(0, NONCE_LEN), bytes.slice(NONCE_LEN)];
    try {
      const container = await crypto.subtle.decrypt(sealing(nonce, hash), await importKey(copy.key), sealed);
      return (await digestOf(container)) === hash ? container : null;
    } catch (error) {
      // Another key, or another byte.
      if (error instanceof DOMException) return null;
      throw error;
    }
  }

  async #sweep(cache: Cache): Promise<void> {
    const all: Found[] = [];
    for (const request of await cache.keys()) {
      const response = await cache.match(request);
      if (response) all.push(found(request.url.slice(ADDRESS.length), response));
    }
    all.sort((a, b) => b.used - a.used);
    let bytes = 0;
    let count = 0;
    for (const one of all) {
      const expired = one.expires <= this.#now();
      const fits = count < MAX_COPIES && bytes + one.bytes <= MAX_BYTES;
      if (expired || !fits) {
        await cache.delete(ADDRESS + one.hash);
        continue;
      }
      count += 1;
      bytes += one.bytes;
    }
  }

  /** A disk that is full, or not to be used, has nothing: models are fetched. */
  #inTurn(step: (cache: Cache) => Promise<ArrayBuffer | null>): Promise<ArrayBuffer | null> {
    const turn = this.#turn.then(async () => {
      this.#cache ??= this.#open();
      try {
        const cache = await this.#cache;
        return cache && (await step(cache));
      } catch (error) {
        if (error instanceof DOMException) return null;
        throw error;
      }
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

async function openCache(): Promise<Cache | null> {
  return "caches" in globalThis ? caches.open(CACHE) : null;
}

async function write(cache: Cache, hash: string, bytes: ArrayBuffer, copy: DiskCopy, now: number): Promise<void> {
  const headers = {
    [EXPIRES]: String(copy.expires * 1000),
    [USED]: String(now),
    "content-length": String(bytes.byteLength),
  };
  await cache.put(ADDRESS + hash, new Response(bytes, { headers }));
}

function found(hash: string, { headers }: Response): Found {
  const number = (name: string) => Number(headers.get(name) ?? 0);
  return { hash, expires: number(EXPIRES), used: number(USED), bytes: number("content-length") };
}

function sealing(iv: Uint8Array<ArrayBuffer>, hash: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(hash) };
}

function importKey(text: string): Promise<CryptoKey> {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const raw = Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** A model's name: the digest of all of its container but the end, which says the same. */
async function digestOf(container: ArrayBuffer): Promise<string> {
  const body = container.slice(0, Math.max(0, container.byteLength - DIGEST_LEN));
  const [digest, end] = [await crypto.subtle.digest("SHA-256", body), container.slice(body.byteLength)];
  return hex(digest) === hex(end) ? hex(digest) : "";
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
