// Real Chromium processes with fake cameras and microphones, and pages that are watched.

import { mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { chromiumProgram } from "./paths.js";

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--auto-select-desktop-capture-source=Entire screen",
  // The node is on this machine.
  "--allow-loopback-in-peer-connection",
  // Several pages of one process are all on stage.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];

const START_MS = 60_000;
/** A browser that was asked to end and has not by then is ended. */
const CLOSE_MS = 15_000;

/** What runs in every page before its own scripts. */
export const pageScripts = ["devices.js", "observe.js", "arrivals.js", "streams.js", "measure.js", "lipsync.js", "secret.js", "roster.js"].map((file) =>
  readFileSync(new URL(`../page/${file}`, import.meta.url), "utf8"),
);

/**
 * One Chromium process with a fresh profile. `camera` and `voice` are files for its fake devices;
 * `secure` is an origin that is taken for a secure one; `executable` is what starts it.
 * `room` is one of rig/acoustics.js, whose loudspeaker and microphone it then has, and no fake ones.
 * `open(url, options)` opens a page in a window of its own; `close()` ends the process.
 */
export async function launch({ camera, voice, language = "en-US", flags = [], secure, room, executable = chromiumProgram() } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "sotto-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executable,
    timeout: START_MS,
    headless: false,
    ignoreDefaultArgs: ["--headless", "--mute-audio"],
    locale: language,
    viewport: null,
    ...(room && { env: { ...process.env, ...room.environment } }),
    args: [
      ...FLAGS.filter((flag) => !room || flag !== "--use-fake-device-for-media-stream"),
      ...(camera ? [`--use-file-for-fake-video-capture=${camera}`] : []),
      ...(voice ? [`--use-file-for-fake-audio-capture=${voice}`] : []),
      ...(secure ? [`--unsafely-treat-insecure-origin-as-secure=${secure}`] : []),
      ...flags,
    ],
  });
  const pages = [];
  let windows = Promise.resolve();
  return {
    context,
    /**
     * Opens `url` and returns the page. `devices` changes what getUserMedia gives (see
     * page/devices.js); `size` is that of the window; `html`, with `headers`, stands in for what the
     * node would serve there; `scripts` run before the page's own; `expected` are faults that belong to
     * what is tested.
     */
    async open(url, { devices = {}, size = { width: 1280, height: 800 }, html, headers = {}, scripts = [], expected = /^$/ } = {}) {
      // One after the other, or two callers would take the same window for theirs.
      const window = windows.then(() => ownWindow(context, size));
      windows = window.catch(() => undefined);
      const page = await window;
      page.faults = [];
      page.on("pageerror", (error) => page.faults.push(error.stack ?? String(error)));
      page.on("console", (message) => {
        if (message.type() === "error" && !expected.test(message.text())) page.faults.push(message.text());
      });
      await page.addInitScript((value) => (globalThis.testDevices = value), devices);
      for (const content of [...pageScripts, ...scripts]) await page.addInitScript({ content });
      if (html) {
        // What does not come from this machine may not talk to it without being asked.
        await context.grantPermissions(["local-network-access"]);
        await page.route(url, (route) => route.fulfill({ contentType: "text/html", body: html, headers: { ...headers, "content-type": "text/html" } }));
      }
      await page.setViewportSize(size);
      await page.goto(url);
      pages.push(page);
      return page;
    },
    async close() {
      await closed(context, profile);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
      const faults = pages.flatMap((page) => page.faults);
      if (faults.length > 0) throw new Error(`pages reported errors:\n${faults.join("\n")}`);
    },
  };
}

/** Closes a browser; one that does not end by itself is ended, or whoever waits for it waits forever. */
async function closed(context, profile) {
  const timer = setTimeout(() => {
    // Chromium writes there which process it is: "host-pid".
    const pid = Number(readlinkSync(join(profile, "SingletonLock")).split("-").at(-1));
    console.log(`a browser did not end within ${CLOSE_MS} ms and is killed: ${pid}`);
    process.kill(pid, "SIGKILL");
  }, CLOSE_MS);
  try {
    await context.close();
  } finally {
    clearTimeout(timer);
  }
}

/** A page in its own window, since pages behind another one in a window present no frames. */
async function ownWindow(context, { width, height }) {
  const [first] = context.pages();
  const session = await context.newCDPSession(first);
  const [page] = await Promise.all([
    context.waitForEvent("page"),
    session.send("Target.createTarget", { url: "about:blank", newWindow: true, width, height }),
  ]);
  await session.detach();
  return page;
}
