import { expect, test } from "vitest";
import { signalUrl } from "../../src/sdk/connect.js";

test.each([
  ["http://localhost:8080", "ws://localhost:8080/v1/signal"],
  ["https://sotto.example/room/a?b#c", "wss://sotto.example/v1/signal"],
  ["wss://sotto.example/elsewhere", "wss://sotto.example/elsewhere"],
])("the websocket of %s is %s", (url, expected) => expect(signalUrl(url)).toBe(expected));

test.each(["", "sotto.example", "ftp://sotto.example"])("%j is no address of a node", (url) => {
  expect(() => signalUrl(url)).toThrow();
});
