import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SignalSession } from "../../src/sdk/session.js";
import type { SessionListener } from "../../src/sdk/session.js";

/** A websocket whose other end is the test. */
class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  sent: string[] = [];
  closedWith: number | null = null;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(code = 1005): void {
    this.readyState = 3;
    this.closedWith = code;
  }

  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  break(): void {
    this.readyState = 3;
    this.onclose?.({ code: 1006, reason: "" });
  }

  get types(): string[] {
    return this.sent.map((text) => (JSON.parse(text) as { type: string }).type);
  }
}

const RESUMPTION = { token: "secret", windowMs: 30_000, node: "n" };

async function latest(count: number): Promise<FakeSocket> {
  while (FakeSocket.made.length < count) await vi.advanceTimersByTimeAsync(10);
  const socket = FakeSocket.made[count - 1];
  if (!socket) throw new Error("no socket");
  return socket;
}

async function joined(resumption: object | null = RESUMPTION) {
  const told: string[] = [];
  const listener: SessionListener = {
    message: (message) => told.push(message.type),
    unreadable: () => told.push("unreadable"),
    interrupted: () => told.push("interrupted"),
    restored: () => told.push("restored"),
    lost: () => told.push("lost"),
  };
  const opening = SignalSession.open("ws://node/v1/signal", listener);
  const socket = await latest(1);
  socket.open();
  const session = await opening;
  session.send({ type: "leave" });
  socket.say({ type: "welcome", ...(resumption ? { resumption } : {}) });
  expect(told.splice(0)).toEqual(["welcome"]);
  return { session, socket, told: () => told.splice(0) };
}

describe("a session", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.made = [];
    vi.stubGlobal("WebSocket", FakeSocket);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("goes on over another websocket, and both sides say again what the other one missed", async () => {
    const { session, socket, told } = await joined();
    session.send({ type: "mute", mid: "0", muted: true });
    socket.break();
    expect(told()).toEqual(["interrupted"]);
    expect(session.live).toBe(false);
    session.send({ type: "mute", mid: "0", muted: false });
    const second = await latest(2);
    second.open();
    await vi.advanceTimersByTimeAsync(0);
    expect(JSON.parse(second.sent[0] ?? "")).toEqual({
      type: "resume",
      version: 1,
      token: "secret",
      received: 1,
    });
    second.say({ type: "resumed", received: 2 });
    second.say({ type: "speakers", speakers: [] });
    expect(told()).toEqual(["restored", "speakers"]);
    expect(second.sent.slice(1).map((text) => JSON.parse(text) as object)).toEqual([
      { type: "mute", mid: "0", muted: false },
    ]);
    // Twice: what was counted is what was said.
    second.break();
    const third = await latest(3);
    third.open();
    await vi.advanceTimersByTimeAsync(0);
    expect(JSON.parse(third.sent[0] ?? "")).toMatchObject({ received: 2 });
    third.say({ type: "resumed", received: 3 });
    expect(told()).toEqual(["interrupted", "restored"]);
    session.close();
  });

  test("is lost at once where the node waits for nobody", async () => {
    const { socket, told } = await joined(null);
    socket.break();
    expect(told()).toEqual(["lost"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.made).toHaveLength(1);
  });

  test("is lost when the node says that it is over", async () => {
    const { socket, told } = await joined();
    socket.break();
    const second = await latest(2);
    second.open();
    await vi.advanceTimersByTimeAsync(0);
    second.say({ type: "error", code: "notFound", message: "gone", fatal: true });
    await vi.advanceTimersByTimeAsync(0);
    expect(told()).toEqual(["interrupted", "lost"]);
  });

  test("tries until the node waits no longer", async () => {
    const { socket, told } = await joined();
    socket.break();
    for (let second = 2; second < 40 && FakeSocket.made.length < 40; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      FakeSocket.made.at(-1)?.break();
    }
    expect(told()).toEqual(["interrupted", "lost"]);
    expect(FakeSocket.made.length).toBeGreaterThan(15);
  });

  test("finds out soon whether a websocket works that is doubted", async () => {
    const { session, socket, told } = await joined();
    session.check();
    expect(socket.types.at(-1)).toBe("ping");
    socket.say({ type: "pong", id: 0 });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(told()).toEqual([]);
    session.check();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(told()).toEqual(["interrupted"]);
    // Not as a page that ends: the node would not wait.
    expect(socket.closedWith).toBe(4000);
    session.close();
  });

  test("that is closed while it is interrupted stays closed", async () => {
    const { session, socket, told } = await joined();
    socket.break();
    session.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told()).toEqual(["interrupted"]);
    expect(FakeSocket.made).toHaveLength(1);
  });
});
