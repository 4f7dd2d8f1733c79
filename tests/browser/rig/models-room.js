// A room in which one person tells the time and is learned, and another one hears and sees them.

import { openModelsPage } from "./models-page.js";

/**
 * Opens the room. `learn`: sources of which there are to be models; the promise resolves when both
 * sources are played as they are to be. `watcher`: a browser for the one who watches, if another one.
 */
export async function timeTellers(browser, node, { room, learn = ["microphone", "camera"], watcher = browser, policy = "frugal", isolated } = {}) {
  const ann = await openModelsPage(browser, node);
  const bob = await openModelsPage(watcher, node, { isolated });
  const join = async (page, name, more) => {
    const token = await node.token(room, name);
    await page.evaluate((all) => enter(all), { signal: node.signal, token, ...more });
  };
  await join(ann, "Ann", { audioSlots: 0, videoSlots: 0, sound: false });
  await join(bob, "Bob", { policy });
  await ann.evaluate(() => publishTeller());
  await bob.waitForFunction(() => document.querySelector("video").videoWidth > 0, undefined, { timeout: 15_000 });
  for (const source of learn) await ann.evaluate((source) => room.models.learn(source), source);
  for (const source of policy === "quality" ? [] : learn) await playedAs(bob, source, "model");
  return { ann, bob, leave: () => Promise.all([ann, bob].map((page) => page.evaluate(() => room.leave()))) };
}

/** Resolves when everybody's `source` is played in this form on this page. */
export function playedAs(page, source, form, limit = 25_000) {
  return page.evaluate((all) => globalThis.playedAs(...all), [source, form, limit]);
}
