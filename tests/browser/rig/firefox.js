// A real Firefox with fake devices, over WebDriver BiDi.

import puppeteer from "puppeteer-core";

import { firefoxProgram } from "./paths.js";
import { SDK_HTML, SDK_PATH } from "./sdk-page.js";

const PREFERENCES = {
  "media.navigator.permission.disabled": true,
  "media.navigator.streams.fake": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  // Cameras on plain http: see the flag for secure origins of Chromium.
  "media.devices.insecure.enabled": true,
  "media.getusermedia.insecure.enabled": true,
  // The node is on this machine.
  "network.lna.blocking": false,
  // Nothing to fetch while it is measured.
  "media.gmp-manager.updateEnabled": false,
  "app.update.enabled": false,
  "app.normandy.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

/** Why there is no Firefox to test with, or null; refused where `CI` is set. */
export function whyNoFirefox() {
  try {
    firefoxProgram();
    return null;
  } catch (error) {
    if (process.env.CI) throw error;
    return error.message;
  }
}

/**
 * One Firefox with a fresh profile, whose pages run our `scripts` first. `openSdkPage(node)` opens the
 * page of sdk-page.js; `close()` ends the process.
 */
export async function launchFirefox({ scripts }) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: firefoxProgram(),
    headless: true,
    extraPrefsFirefox: PREFERENCES,
  });
  const open = async (node, path, answers) => {
    const page = await browser.newPage();
    for (const script of scripts) await page.evaluateOnNewDocument(script);
    await page.setRequestInterception(true);
    page.on("request", (request) => {
      const answer = answers[new URL(request.url()).pathname];
      if (answer && request.url().startsWith(node.origin)) request.respond({ status: 200, ...answer });
      else request.continue();
    });
    await page.goto(`${node.origin}${path}`);
    await page.waitForFunction(() => globalThis.pageReady, { timeout: 30_000 });
    return page;
  };
  return {
    /** Opens `path` at the origin of `node`, with answers of ours (by path) in place of the node's. */
    open,
    openSdkPage: (node) => open(node, SDK_PATH, { [SDK_PATH]: { contentType: "text/html", body: SDK_HTML } }),
    close: () => browser.close(),
  };
}
