import { describe, expect, test } from "vitest";
import { checkDataMessage, parseDataMessage } from "../../src/sdk/data.js";

function frame(shortId: number, kind: number, payload: Uint8Array): ArrayBuffer {
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setUint32(0, shortId);
  bytes[4] = kind;
  bytes.set(payload, 5);
  return bytes.buffer;
}

describe("data messages", () => {
  test("text comes back as text, with its sender", () => {
    const bytes = frame(70_000, 1, new TextEncoder().encode("你好"));
    expect(parseDataMessage("chat", bytes)).toEqual({ label: "chat", from: 70_000, data: "你好" });
  });

  test("binary comes back as bytes", () => {
    const message = parseDataMessage("map", frame(3, 0, Uint8Array.of(1, 2)));
    expect(new Uint8Array(message?.data as ArrayBuffer)).toEqual(Uint8Array.of(1, 2));
  });

  test("what is too short, of an unknown kind or not UTF-8 is no message", () => {
    expect(parseDataMessage("chat", new ArrayBuffer(4))).toBeNull();
    expect(parseDataMessage("chat", frame(1, 2, new Uint8Array(1)))).toBeNull();
    expect(parseDataMessage("chat", frame(1, 1, Uint8Array.of(0xff)))).toBeNull();
  });

  test("what the node would refuse is refused here, in bytes and not in characters", () => {
    expect(() => checkDataMessage("chat", "字".repeat(1365))).not.toThrow();
    expect(() => checkDataMessage("chat", "字".repeat(1366))).toThrow(/4098 bytes/);
    expect(() => checkDataMessage("x", new ArrayBuffer(16 * 1024))).not.toThrow();
    expect(() => checkDataMessage("x", new ArrayBuffer(16 * 1024 + 1))).toThrow();
    expect(() => checkDataMessage("", "a")).toThrow();
    expect(() => checkDataMessage("l".repeat(65), "a")).toThrow();
  });
});
