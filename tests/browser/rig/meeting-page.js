// What a person does on the meeting page.

import { join as path } from "node:path";

import { artifacts } from "./paths.js";

/** Opens the page of `room`, gives a name and enters; returns the page once it is inside. */
export async function join(browser, node, { room, name, devices, size }) {
  const page = await browser.open(`${node.origin}/room/${room}`, { devices, size });
  await page.getByTestId("join-name").fill(name);
  await page.getByTestId("join-button").click();
  await page.getByTestId("leave").waitFor({ timeout: 15_000 });
  return page;
}

/** Keeps a picture of the page at a window size, for people to look at. */
export async function shoot(page, name, size) {
  if (size) await page.setViewportSize(size);
  // Two frames: one for the new size, one for what the page lays out after it.
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  );
  await page.screenshot({ path: path(artifacts, `${name}.png`) });
}

/** What a page says of the form in which somebody's voice comes to it. */
export function voiceOf(page, name, form) {
  const row = page.getByTestId("models-forms").locator("li", { hasText: name });
  return row.locator(form ? `[data-source=microphone][data-form=${form}]` : "[data-source=microphone]");
}

/** Waits until a page says so of one's own model of a source. */
export function told(page, source, state) {
  return page.waitForFunction(([of, wanted]) => document.querySelector(`[data-testid=models-${of}-state]`)?.dataset.state === wanted, [source, state]);
}
