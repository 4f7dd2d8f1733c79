// The measuring itself, where the truth is known: no node, one page talking to itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { VOICE_DB } from "../rig/identity.js";
import { deviceFiles, heardAs, painted, seenAs } from "../rig/people.js";

const WHERE = "http://localhost/loopback";
const PAGE = `<!doctype html><title>loopback</title>
<div data-testid="tile"><video autoplay playsinline muted></video><p data-testid="tile-label">Ada</p></div>
<audio autoplay></audio>
<script type="module">
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const here = new RTCPeerConnection(), there = new RTCPeerConnection();
  here.onicecandidate = ({ candidate }) => candidate && there.addIceCandidate(candidate);
  there.onicecandidate = ({ candidate }) => candidate && here.addIceCandidate(candidate);
  there.ontrack = ({ track }) => {
    document.querySelector(track.kind).srcObject = new MediaStream([track]);
  };
  for (const track of stream.getTracks()) here.addTransceiver(track, { direction: "sendonly" });
  await here.setLocalDescription();
  await there.setRemoteDescription(here.localDescription);
  await there.setLocalDescription();
  await here.setRemoteDescription(there.localDescription);
  seen.contributor = () => "Ada";
</script>`;

const CAMERA_PERSON = 1;
const PAINTED_PERSON = 42;
let browser;

before(async () => {
  browser = await launch(await deviceFiles(CAMERA_PERSON));
});
after(() => browser?.close());

async function watched(page, seconds) {
  return page.evaluate(async (ms) => {
    const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
    const [tiles, ears] = [watchTiles(), await listenToSlots()];
    await wait(2000);
    tiles.reset();
    ears.reset();
    await wait(ms);
    return { tiles: tiles.report(), ears: ears.report(), offers: seen.offers };
  }, seconds * 1000);
}

test("two pages of one process present the frames and voices of two people", async () => {
  const filmed = await browser.open(WHERE, { html: PAGE, devices: { rate: 15, width: 640, height: 360 } });
  const drawn = await browser.open(WHERE, { html: PAGE, devices: painted(PAINTED_PERSON) });
  const reports = await Promise.all([watched(filmed, 4), watched(drawn, 4)]);
  for (const [index, number] of [CAMERA_PERSON, PAINTED_PERSON].entries()) {
    const { tiles, ears, offers } = reports[index];
    const figures = JSON.stringify(reports[index]);
    // A machine that has no time for the pages presents fewer frames: never more.
    assert.ok(tiles.Ada.rate > 7 && tiles.Ada.rate < 17, figures);
    assert.ok(tiles.Ada.longestGap > 1000 / 17 && tiles.Ada.longestGap < 2000, figures);
    assert.equal(seenAs(number, tiles.Ada.identities), 1, figures);
    assert.equal(heardAs(number, ears.Ada.pitches), 1, figures);
    assert.ok(Math.abs(ears.Ada.decibels - VOICE_DB) < 2, figures);
    assert.equal(offers, 1, figures);
  }
});
