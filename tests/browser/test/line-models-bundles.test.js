// Bundles of 2, 9 and 25 people in real browsers, as RTP and over the data channel: every entry is
// whole, is of the person under whose number it came, and is on time. (In a network of its own without
// shaped lines: on loopback Firefox makes no candidates.)

import { after, before, test } from "node:test";

import { measureRooms, startRooms } from "../rig/bundles-page.js";
import { launch } from "../rig/chromium.js";
import { launchFirefox, whyNoFirefox } from "../rig/firefox.js";
import { MODELS_PATH, modelsAnswers, modelsScripts, openModelsPage } from "../rig/models-page.js";
import { NODE_ADDRESS } from "../rig/netns.js";

const noFirefox = whyNoFirefox();

let rooms, chromium, firefox;
before(async () => {
  rooms = await startRooms({ name: "models-bundles", address: NODE_ADDRESS });
  chromium = await launch({ secure: rooms.node.origin });
});
after(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await rooms?.close();
});

test("Chromium gets the bundles of 2, 9 and 25 people whole, as theirs and on time", { timeout: 120_000 }, () =>
  measureRooms("chromium", rooms, { open: () => openModelsPage(chromium, rooms.node) }),
);

// Faces alone: Firefox runs no audio graph where there is no sound device, and asks for no voices then.
test("Firefox gets the bundles of 2, 9 and 25 people whole, as theirs and on time", { skip: noFirefox ?? false, timeout: 120_000 }, async () => {
  firefox = await launchFirefox({ scripts: modelsScripts });
  await measureRooms("firefox", rooms, { open: () => firefox.open(rooms.node, MODELS_PATH, modelsAnswers), sound: false });
});
