import { afterEach, expect, test, vi } from "vitest";

import { ModelStore, ModelTransferError } from "../../../src/sdk/models/fetch.js";

afterEach(() => vi.unstubAllGlobals());

/** A node that answers when it is told to. */
function slowNode() {
  const asked: { url: string; answer(status: number): void }[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    return new Promise<Response>((done) => {
      asked.push({ url, answer: (status) => done(new Response(null, { status })) });
    });
  });
  return { asked, settled: () => new Promise((done) => setTimeout(done)) };
}

test("a voice and a face that are learned at once are uploaded one after the other", async () => {
  const { asked, settled } = slowNode();
  const store = new ModelStore("wss://node/v1/signal", "key");
  const [voice, face] = [store.put("aa", new Uint8Array(1)), store.put("bb", new Uint8Array(1))];
  await settled();
  expect(asked.map(({ url }) => url)).toEqual(["https://node/v1/models/aa"]);
  asked[0]?.answer(201);
  await voice;
  await settled();
  expect(asked.map(({ url }) => url)).toEqual(["https://node/v1/models/aa", "https://node/v1/models/bb"]);
  asked[1]?.answer(201);
  await face;
});

test("an upload that fails says so, and keeps nothing back", async () => {
  const { asked, settled } = slowNode();
  const store = new ModelStore("ws://node/v1/signal", "key");
  const [refused, next] = [store.put("aa", new Uint8Array(1)), store.put("bb", new Uint8Array(1))];
  const failure = expect(refused).rejects.toEqual(new ModelTransferError(507));
  await settled();
  asked[0]?.answer(507);
  await failure;
  await settled();
  asked[1]?.answer(201);
  await next;
});

test("what is kept is asked for once on a connection, and again where the node was not reached", async () => {
  const answers = [500, 200];
  const asked: string[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    const status = answers.shift() ?? 200;
    return Promise.resolve(new Response(JSON.stringify({ days: 30, kept: [] }), { status }));
  });
  const store = new ModelStore("wss://node/v1/signal", "key");
  await expect(store.kept()).rejects.toEqual(new ModelTransferError(500));
  expect(await Promise.all([store.kept(), store.kept()])).toEqual([
    { days: 30, kept: [] },
    { days: 30, kept: [] },
  ]);
  expect(asked).toEqual(["https://node/v1/models", "https://node/v1/models"]);
});
