// A page of nothing but the client library: what an integrator would write first. It stands in
// for a page of the node, at its origin.

/** Where it stands. */
export const SDK_PATH = "/sdk-page";

/** Its HTML. `enter(options)` joins; tiles carry the same marks as the meeting page's. */
export const SDK_HTML = `<!doctype html><title>client library</title>
<style>
  #stage { display: flex; flex-wrap: wrap; gap: 4px }
  figure { margin: 0 } video { width: 320px; height: 180px; background: #000 }
</style>
<div id="stage"></div>
<script type="module">
  import { connect, renderSlot } from "/sdk/sotto.js";

  globalThis.enter = async ({ signal, token, audioSlots, videoSlots, key, publish, codec, layers, iceTransportPolicy }) => {
    const transform = key ? secretTransform(key) : undefined;
    const room = await connect({ url: signal, token, audioSlots, videoSlots, transform, codec, iceTransportPolicy });
    globalThis.room = room;
    for (const slot of room.slots) (slot.kind === "video" ? showTile : playVoice)(room, slot);
    if (publish) {
      const stream = await navigator.mediaDevices.getUserMedia(publish);
      const encrypted = Boolean(key);
      for (const track of stream.getTracks()) {
        const source = track.kind === "audio" ? "microphone" : "camera";
        await room.publish(track, { source, encrypted, layers });
      }
    }
    return room.local.id;
  };

  /** A room for each of several people of this page, publishing only. */
  globalThis.enterAs = async ({ signal, token, person }) => {
    const room = await connect({ url: signal, token, audioSlots: 0, videoSlots: 0 });
    await room.publish(paintedPicture(person), { source: "camera" });
    return room.local.id;
  };

  function showTile(room, slot) {
    const figure = document.createElement("figure");
    figure.dataset.testid = "tile";
    figure.dataset.mid = slot.mid;
    const video = document.createElement("video");
    const label = document.createElement("figcaption");
    label.dataset.testid = "tile-label";
    figure.append(video, label);
    document.querySelector("#stage").append(figure);
    renderSlot(slot, video, (content) => {
      label.textContent = content ? (room.participants.get(content.participant)?.name ?? "") : "";
    });
  }

  function playVoice(room, slot) {
    const audio = document.createElement("audio");
    audio.autoplay = true;
    audio.srcObject = new MediaStream([slot.track]);
    audio.dataset.mid = slot.mid;
    document.body.append(audio);
  }

  globalThis.pageReady = true;
</script>`;

/**
 * Opens that page in `browser` at the origin of `node`, and waits until it can be used. `tile` is
 * how large each video is shown, in CSS pixels.
 */
export async function openSdkPage(browser, node, { tile, ...options } = {}) {
  const html = tile ? SDK_HTML.replace(/width: 320px; height: 180px/, `width: ${tile.width}px; height: ${tile.height}px`) : SDK_HTML;
  const page = await browser.open(`${node.origin}${SDK_PATH}`, { html, ...options });
  await page.waitForFunction(() => globalThis.pageReady, undefined, { timeout: 10_000 });
  return page;
}
