import { createHash } from "node:crypto";
import { expect, test } from "vitest";

import { DiskCache } from "../../../src/sdk/models/diskcache.js";

const DAY = 86_400_000;
const copy = { key: Buffer.alloc(32, 7).toString("base64url"), expires: (30 * DAY) / 1000 };

/** Something that ends with its own digest, as containers do. */
function container(fill: number, length = 200) {
  const body = Buffer.alloc(length, fill);
  const digest = createHash("sha256").update(body).digest();
  const bytes = new Uint8Array(Buffer.concat([body, digest])).buffer;
  return { bytes, hash: digest.toString("hex") };
}

/** What a browser keeps on the disk, and a clock. */
function device() {
  const disk = new Map<string, { bytes: ArrayBuffer; headers: Headers }>();
  const clock = { now: 0 };
  const urlOf = (request: RequestInfo | URL) => (request instanceof Request ? request.url : String(request));
  const cache = {
    match: (request: RequestInfo) => {
      const one = disk.get(urlOf(request));
      return Promise.resolve(one && new Response(one.bytes.slice(0), { headers: one.headers }));
    },
    put: async (request: RequestInfo, response: Response) => {
      disk.set(urlOf(request), { bytes: await response.arrayBuffer(), headers: response.headers });
    },
    delete: (request: RequestInfo) => Promise.resolve(disk.delete(urlOf(request))),
    keys: () => Promise.resolve([...disk.keys()].map((url) => new Request(url))),
  } as unknown as Cache;
  const open = () => new DiskCache(() => Promise.resolve(cache), () => clock.now);
  return { disk, clock, open };
}

test("a copy comes back in another visit, and is not to be read on the disk", async () => {
  const { disk, open } = device();
  const { bytes, hash } = container(5);
  await open().put(hash, bytes, copy);
  expect(await open().get(hash, copy)).toEqual(bytes);
  const [kept] = disk.values();
  expect(Buffer.from(kept?.bytes ?? new ArrayBuffer(0)).includes(Buffer.alloc(8, 5))).toBe(false);
  expect([...disk.keys()].join().includes(copy.key)).toBe(false);
});

test("a copy that is of another key, another name or another byte is none, and goes", async () => {
  const { disk, open } = device();
  const { bytes, hash } = container(5);
  const spoil = (change: (at: Uint8Array) => void) => {
    for (const one of disk.values()) change(new Uint8Array(one.bytes));
  };
  const spoiled: [string, () => void, string][] = [
    ["another key", () => undefined, Buffer.alloc(32, 8).toString("base64url")],
    ["another byte", () => spoil((at) => (at[40] = (at[40] ?? 0) ^ 1)), copy.key],
    ["nothing", () => spoil((at) => at.fill(0)), copy.key],
  ];
  for (const [what, change, key] of spoiled) {
    await open().put(hash, bytes, copy);
    change();
    expect(await open().get(hash, { ...copy, key }), what).toBeNull();
    expect(disk.size, what).toBe(0);
  }
  const other = container(6);
  await open().put(hash, other.bytes, copy);
  expect(await open().get(hash, copy), "it is not what its name says").toBeNull();
});

test("what was taken back is not there, also while it was being written", async () => {
  const { disk, open } = device();
  const { bytes, hash } = container(5);
  const cache = open();
  const written = cache.put(hash, bytes, copy);
  await cache.remove(hash);
  await written;
  expect(disk.size).toBe(0);
  expect(await cache.get(hash, copy)).toBeNull();
});

test("copies expire, and those that were used longest ago make room", async () => {
  const { disk, clock, open } = device();
  const cache = open();
  const short = container(1);
  await cache.put(short.hash, short.bytes, { ...copy, expires: DAY / 1000 });
  const all = Array.from({ length: 70 }, (_, at) => container(at + 2));
  for (const { bytes, hash } of all) {
    clock.now += 1;
    await cache.put(hash, bytes, copy);
    if (hash === all[40]?.hash) await cache.get(all[0]?.hash ?? "", copy);
  }
  expect(disk.size).toBe(64);
  const has = ({ hash } = short) => [...disk.keys()].some((url) => url.endsWith(hash));
  expect([short, all[1], all[0], all[69]].map(has)).toEqual([false, false, true, true]);
  clock.now = DAY;
  expect(await cache.get(all[69]?.hash ?? "", copy)).not.toBeNull();
  clock.now = 30 * DAY;
  expect(await cache.get(all[69]?.hash ?? "", copy)).toBeNull();
  await open().sweep();
  expect(disk.size).toBe(0);
});

test("so many bytes are kept and no more", async () => {
  const { disk, clock, open } = device();
  const cache = open();
  for (let at = 0; at < 6; at++) {
    clock.now += 1;
    const { bytes, hash } = container(at, 4_000_000);
    await cache.put(hash, bytes, copy);
  }
  expect(disk.size).toBe(4);
});

test("where nothing can be kept on a disk, there is nothing", async () => {
  const { bytes, hash } = container(5);
  const full = () => Promise.reject(new DOMException("no room", "QuotaExceededError"));
  for (const open of [() => Promise.resolve(null), full]) {
    const cache = new DiskCache(open);
    await cache.put(hash, bytes, copy);
    await cache.remove(hash);
    expect(await cache.get(hash, copy)).toBeNull();
  }
});
