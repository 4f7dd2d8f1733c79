// One walk through the meeting page, as a person would take it, with pictures of each stop.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { join, shoot } from "../rig/meeting-page.js";
import { startNode, UNLIMITED } from "../rig/node.js";
import { deviceFiles, painted } from "../rig/people.js";

const ROOM = "walk";
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

let node, english, chinese, ada, bao;
before(async () => {
  [node, english, chinese] = await Promise.all([
    startNode({ name: "page", environment: UNLIMITED }),
    deviceFiles(1).then(launch),
    launch({ language: "zh-CN" }),
  ]);
});
after(async () => {
  await Promise.all([english?.close(), chinese?.close()]);
  await node?.stop();
});

test("before joining there are a preview, a level that moves and a name to give", async () => {
  const page = await english.open(`${node.origin}/room/${ROOM}`);
  await page.getByTestId("level-meter").waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll("video")].some(readIdentity));
  await shoot(page, "lobby-1280", DESK);
  await shoot(page, "lobby-390", PHONE);
  await page.close();
});

test("two people meet, one of them in Chinese", async () => {
  [ada, bao] = await Promise.all([
    join(english, node, { room: ROOM, name: "Ada", devices: { rate: 15 } }),
    join(chinese, node, { room: ROOM, name: "Bao", devices: painted(7) }),
  ]);
  await ada.waitForFunction(() => showsPicture("Bao"));
  await bao.waitForFunction(() => showsPicture("Ada"));
  const languages = await Promise.all([ada, bao].map((page) => page.evaluate(() => document.documentElement.lang)));
  assert.match(languages[0], /^en/);
  assert.match(languages[1], /^zh/);
  assert.match(await bao.locator("body").innerText(), /\p{Script=Han}/u);
  await shoot(bao, "meeting-chinese-1280", DESK);
});

test("mute and camera are told to the others, and undone", async () => {
  await muted("mute", "microphone", true);
  await muted("mute", "microphone", false);
  await muted("camera", "camera", true);
  // The tile stays, without a picture of the past.
  await bao.waitForFunction(() => !showsPicture("Ada"));
  await muted("camera", "camera", false);
  await bao.waitForFunction(() => showsPicture("Ada"));
});

test("the keyboard reaches mute, camera and chat", async () => {
  await ada.locator("body").press("m");
  await told("microphone", true);
  await ada.locator("body").press("m");
  await told("microphone", false);
  await ada.locator("body").press("c");
  await ada.getByTestId("chat-input").waitFor();
  await ada.getByTestId("chat-toggle").focus();
  const focused = await ada.evaluate(() => {
    const style = getComputedStyle(document.activeElement);
    return { id: document.activeElement.dataset.testid, outline: style.outlineStyle, shadow: style.boxShadow };
  });
  assert.equal(focused.id, "chat-toggle");
});

test("chat arrives with its author, and markup stays text", async () => {
  if (!(await ada.getByTestId("chat-input").isVisible())) await ada.getByTestId("chat-toggle").click();
  await ada.getByTestId("chat-input").fill("你好 <b>bold</b>");
  await ada.getByTestId("chat-input").press("Enter");
  await bao.getByTestId("chat-toggle").click();
  const log = bao.getByTestId("chat-log");
  await log.getByText("你好 <b>bold</b>").waitFor();
  assert.match(await log.innerText(), /Ada/);
  await shoot(bao, "chat-1280", DESK);
  await shoot(bao, "chat-390", PHONE);
  await bao.setViewportSize(DESK);
});

test("a shared screen appears beside the camera, and goes", async () => {
  const adaHas = (count) =>
    bao.waitForFunction((wanted) => {
      const labels = [...document.querySelectorAll('[data-testid="tile"] [data-testid="tile-label"]')];
      return labels.filter(({ textContent }) => textContent.includes("Ada")).length === wanted;
    }, count);
  const offers = () => ada.evaluate(() => seen.offers);
  assert.equal(await offers(), 1, "nothing until now needed a second offer");
  await ada.getByTestId("screen").click();
  await adaHas(2);
  await bao.waitForFunction(() => [...document.querySelectorAll("video")].some((video) => video.videoWidth >= 1000));
  await shoot(bao, "screen-1280", DESK);
  await ada.getByTestId("screen").click();
  await adaHas(1);
});

test("the list of people, the speaker view and the overlay show what they should", async () => {
  await ada.getByTestId("people-toggle").click();
  await ada.getByTestId("people-list").getByText("Bao").waitFor();
  await ada.getByTestId("view-toggle").click();
  await shoot(ada, "speaker-1280", DESK);
  await shoot(ada, "speaker-390", PHONE);
  await ada.setViewportSize(DESK);
});

test("leaving is seen by the other at once", async () => {
  await ada.getByTestId("leave").click();
  await bao.waitForFunction(() => !document.querySelector('[data-testid="tile"][data-participant] video') || !showsPicture("Ada"));
  await bao.getByTestId("people-toggle").click();
  await bao.waitForFunction(() => !document.querySelector('[data-testid="people-list"]').innerText.includes("Ada"));
});

async function muted(button, source, state) {
  await ada.getByTestId(button).click();
  await told(source, state);
}

/** Waits until Bao's page was told of that state of Ada's publication. */
async function told(source, state) {
  await bao.waitForFunction(
    ([wanted, expected]) => {
      const ada = [...seen.people.values()].find(({ name }) => name === "Ada");
      return ada?.tracks.find((track) => track.source === wanted)?.muted === expected;
    },
    [source, state],
  );
}
