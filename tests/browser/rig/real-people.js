// People in front of real cameras and microphones on the meeting page: CLIPS and VOICES name files of
// one person each.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { CLIP_RATE } from "./media.js";
import { artifacts } from "./paths.js";

const scripts = ["modelwatch.js", "ear.js"].map((file) => readFileSync(new URL(`../page/${file}`, import.meta.url), "utf8"));

/** The files that an environment variable names. */
export const files = (name) => (process.env[name] ?? "").split(" ").filter((file) => file !== "");

/**
 * A camera's file of a clip, as Chromium plays it: 30 pictures a second, in a loop. Of the range of
 * luma that cameras have, and not that of JPEG, as which Chromium does not take it.
 */
export function camera(clip, name) {
  const file = join(artifacts, `${name}.mjpeg`);
  ffmpeg("-i", clip, "-r", String(CLIP_RATE), ..."-c:v mjpeg -q:v 3 -pix_fmt yuv420p -color_range tv -strict unofficial -f mjpeg".split(" "), file);
  return file;
}

/** A microphone's file of somebody who speaks, which Chromium plays in a loop. */
export function microphone(voice, name) {
  const file = join(artifacts, `${name}.wav`);
  ffmpeg("-i", voice, ..."-ar 48000 -ac 1".split(" "), file);
  return file;
}

/** Opens the meeting page with what page/ear.js gives it, which the page's own policy keeps from listening. */
export async function openHeard(browser, node, room, { size, scripts: more = [] } = {}) {
  const page = await browser.open(`${node.origin}/room/${room}`, { size, scripts: [...scripts, ...more] });
  const session = await browser.context.newCDPSession(page);
  await session.send("Page.setBypassCSP", { enabled: true });
  await page.reload();
  return page;
}

/** Enters as somebody whose devices are on, their sound as it is; `learn`: the sources that may be learned. */
export async function enterAsSpeaker(page, name, learn = []) {
  for (const source of learn) await page.getByTestId(`learn-${source}`).check();
  await page.getByTestId("original-sound").check();
  await enter(page, name);
  await page.getByTestId("models-toggle").click();
}

/** Enters as somebody who only watches and listens, where there are `models` with their panel open. */
export async function enterAsListener(page, { models = true } = {}) {
  await enter(page, "Listener");
  if (models) await page.getByTestId("models-toggle").click();
  for (const control of ["mute", "camera"]) await page.getByTestId(control).click();
}

/** Records what a page plays: the handle of page/ear.js. */
export const recordPlayed = (page) => page.evaluateHandle(() => globalThis.recordPlayed());

/** Records what a page's microphone takes. */
export const recordMicrophone = (page) => page.evaluateHandle(() => globalThis.recordMicrophone());

export function ffmpeg(...words) {
  execFileSync("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", ...words]);
}

async function enter(page, name) {
  await page.getByTestId("join-name").fill(name);
  await page.getByTestId("join-button").click();
  await page.getByTestId("leave").waitFor();
}
