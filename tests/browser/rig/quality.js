// Publishers and subscribers of the media quality tests, on the page of sdk-page.js.

import { openSdkPage } from "./sdk-page.js";

/** A window of `tile` and what stands around it. */
const windowOf = ({ width, height }) => ({ width: width + 40, height: height + 80 });

/** Opens a page that publishes and watches nobody. `more` is for `enter`; `devices` as in launch. */
export async function publisher(browser, node, { room, name = "Ada", devices, audio = false, ...more }) {
  const page = await openSdkPage(browser, node, { devices, size: { width: 400, height: 300 } });
  const token = await node.token(room, name);
  const publish = { audio, video: true };
  const all = { signal: node.signal, token, audioSlots: 0, videoSlots: 0, publish, ...more };
  await page.evaluate((options) => enter(options), all);
  return page;
}

/** Opens a page with one video slot, shown in a tile of that size, and as many audio slots as said. */
export async function subscriber(browser, node, { room, name, tile, audioSlots = 0, videoSlots = 1 }) {
  const page = await openSdkPage(browser, node, { tile, size: windowOf(tile) });
  const token = await node.token(room, name);
  const all = { signal: node.signal, token, audioSlots, videoSlots };
  await page.evaluate((options) => enter(options), all);
  return page;
}

/** Waits until the (only) video slot decodes a picture that `fits` ({ width, decoded… }); its row and the ms that it took. */
export async function until(page, fits, { limit = 30_000, what } = {}) {
  return page.evaluate(
    async ([text, options]) => {
      const wanted = new Function(`return (${text})`)();
      let before = null;
      return timeUntil(async () => {
        const [row] = await receivedIn("video");
        if (!row) return null;
        // Of the size that is meant, and moving: a size alone may be that of the past.
        const moving = before !== null && row.decoded > before;
        before = row.decoded;
        return moving && wanted(row) ? row : null;
      }, options);
    },
    [String(fits), { limit, every: 100, what: what ?? String(fits) }],
  );
}

/** Rates in bits per second and figures of what came in the (only) slot of `kind` within `ms`. */
export async function received(page, kind, ms) {
  return page.evaluate(
    async ([of, time]) => {
      const [before] = await receivedIn(of);
      await new Promise((done) => setTimeout(done, time));
      const [after] = await receivedIn(of);
      const elapsed = after.at - before.at;
      const more = (key) => after[key] - before[key];
      return {
        bitrate: Math.round((more("bytes") * 8000) / elapsed),
        fps: Number(((more("decoded") * 1000) / elapsed).toFixed(1)),
        width: after.width,
        height: after.height,
        packets: more("packets"),
        lost: more("lost"),
        nacks: more("nacks"),
        repaired: more("repaired"),
        plis: more("plis"),
        freezes: more("freezes"),
        frozenShare: more("frozenMs") / elapsed,
        concealedShare: more("samples") > 0 ? more("concealed") / more("samples") : 0,
      };
    },
    [kind, ms],
  );
}
