import { describe, expect, test } from "vitest";
import { en } from "../../src/ui/i18n/en.js";
import { fill, pickLanguage } from "../../src/ui/i18n/language.js";
import { zh } from "../../src/ui/i18n/zh.js";
import { levelOf } from "../../src/ui/media/level.js";
import { deviceProblem } from "../../src/ui/media/problem.js";
import { EMPTY_CHAT, addLine, markRead } from "../../src/ui/meeting/chat.js";
import { SILENCE, hear } from "../../src/ui/meeting/voices.js";
import { isRoomName, pathOfRoom, roomOfPath } from "../../src/ui/route.js";

const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

describe("languages", () => {
  test("each has every text, with the same values in it", () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
    for (const [key, text] of Object.entries(en)) {
      expect(holes(zh[key as keyof typeof en]), key).toEqual(holes(text));
      expect(zh[key as keyof typeof en].trim(), key).not.toBe("");
    }
  });

  test("the first language of the browser that the page speaks is taken", () => {
    expect(pickLanguage(["fr", "zh-Hant-TW", "en"])).toBe("zh");
    expect(pickLanguage(["de-DE", "en-GB"])).toBe("en");
    expect(pickLanguage(["", "fr"])).toBe("en");
  });

  test("values are put in, and a name is not a place for another value", () => {
    expect(fill("{a} and {b}", { a: "{b}", b: 2 })).toBe("{b} and 2");
    expect(fill("{unknown}", {})).toBe("{unknown}");
  });
});

describe("rooms and paths", () => {
  test.each(["daily", "室-1", "a.b_c"])("%s goes into the path and comes back", (room) => {
    expect(isRoomName(room)).toBe(true);
    expect(roomOfPath(pathOfRoom(room))).toBe(room);
  });

  test("other paths name no room", () => {
    for (const path of ["/", "/room/", "/room/a/b", "/room/%ff"]) expect(roomOfPath(path)).toBe("");
  });

  test("spaces, slashes and long names are no rooms", () => {
    for (const room of ["", "..", "a b", "a/b", "x".repeat(65)]) expect(isRoomName(room)).toBe(false);
  });
});

describe("chat", () => {
  const hello = { from: "Ann", text: "hello", at: 0 };

  test("counts what others wrote while it was closed", () => {
    let log = addLine(EMPTY_CHAT, hello, false);
    log = addLine(log, { ...hello, from: null }, false);
    log = addLine(log, hello, false);
    expect(log.unread).toBe(2);
    expect(markRead(log).unread).toBe(0);
    expect(addLine(log, hello, true).unread).toBe(0);
  });

  test("forgets the oldest lines, and never gives two lines one key", () => {
    let log = EMPTY_CHAT;
    for (let line = 0; line < 600; line++) log = addLine(log, hello, true);
    expect(log.lines).toHaveLength(500);
    expect(new Set(log.lines.map((line) => line.key)).size).toBe(500);
  });
});

test("the last speaker comes first and oneself never", () => {
  const first = hear(SILENCE, [{ participant: "a", level: 20 }, { participant: "me", level: 10 }], "me");
  const second = hear(first, [{ participant: "b", level: 30 }], "me");
  expect(second.recent).toEqual(["b", "a"]);
  expect([...first.speaking]).toEqual(["a", "me"]);
  expect(hear(second, [], "me").recent).toEqual(["b", "a"]);
});

test("the level meter is empty in silence and full at full scale", () => {
  expect(levelOf(new Float32Array(1024))).toBe(0);
  expect(levelOf(new Float32Array(1024).fill(1))).toBe(1);
  const half = levelOf(new Float32Array(1024).fill(0.03));
  expect(half).toBeGreaterThan(0.4);
  expect(half).toBeLessThan(0.6);
});

test("what a device reports becomes something that a person can act on", () => {
  const named = (name: string) => Object.assign(new Error(), { name });
  expect(deviceProblem(named("NotAllowedError"))).toBe("denied");
  expect(deviceProblem(named("NotFoundError"))).toBe("missing");
  expect(deviceProblem(named("NotReadableError"))).toBe("busy");
  expect(deviceProblem(named("InsecureContext"))).toBe("insecure");
  expect(deviceProblem("?")).toBe("failed");
});
