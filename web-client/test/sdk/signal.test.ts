import { describe, expect, test } from "vitest";
import { SottoError } from "../../src/sdk/errors.js";
import { formatClientMessage, parseServerMessage } from "../../src/sdk/signal.js";

function codeOf(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return error instanceof SottoError ? error.code : "not a SottoError";
  }
}

describe("signalling messages", () => {
  test("a message of the node is read, with fields that we do not know", () => {
    const message = parseServerMessage('{"type":"pong","id":3,"colour":"red"}');
    expect(message).toMatchObject({ type: "pong", id: 3 });
  });

  test("an unknown type is refused by name", () => {
    expect(() => parseServerMessage('{"type":"teleport"}')).toThrow(/"teleport"/);
    expect(codeOf(() => parseServerMessage('{"type":"toString"}'))).toBe("unknownType");
  });

  test.each(["", "null", "[]", "7", '"welcome"', "{}", '{"type":7}', '{"type":'])(
    "%j is malformed",
    (text) => expect(codeOf(() => parseServerMessage(text))).toBe("malformed"),
  );

  test("a message that the node would refuse for its length is not sent", () => {
    const sdp = "\u6c49".repeat(25_000);
    expect(codeOf(() => formatClientMessage({ type: "offer", id: 1, sdp }))).toBe("tooMuch");
    const fits = "x".repeat(60_000);
    expect(codeOf(() => formatClientMessage({ type: "offer", id: 1, sdp: fits }))).toBeNull();
  });
});
