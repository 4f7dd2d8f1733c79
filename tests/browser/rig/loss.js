// What losses on the way to a subscriber do to picture and voice.

import { opusClip, vp8Clip } from "./media.js";
import { startNative } from "./native.js";
import { NODE_ADDRESS } from "./netns.js";
import { startNode } from "./node.js";
import { received, subscriber, until } from "./quality.js";

const TILE = { width: 320, height: 180 };
const FAR = { delayMs: 40 };
/** 5 % lost on the way to somebody 80 ms away, one by one and in bursts of ten. */
export const LOSSES = {
  singly: { ...FAR, loss: 0.05 },
  bursts: { ...FAR, loss: 0.05, burst: 10 },
};

/** Time for what was lost last to come again, losses of what is sent again included. */
const SETTLE_MS = 2000;

/** Seconds that each kind of loss takes besides those that are measured, beginning and settling included. */
const MARGIN = 15;

/**
 * Figures of both kinds of loss over `seconds` each, for somebody behind `line`, of a node with or
 * without repair and what else `environment` says:
 *   { singly: { frozenShare, concealedShare, lossOfLine, video, audio }, bursts: … }
 */
export async function sufferLosses(line, { repair, seconds, environment = {} }) {
  const node = await startNode({
    name: `line-loss-${repair}`,
    address: NODE_ADDRESS,
    environment: { ...environment, SOTTO_MEDIA_REPAIR: String(repair) },
  });
  const far = await line.launch(node);
  const room = "far";
  // What was lost just before a keyframe is asked for once at most: nothing that follows needs it. So
  // there is none, as of a browser, unless somebody asks.
  const clip = { ...TILE, bitrate: "250k", seconds: 2 * (seconds + MARGIN), onRequest: true };
  const [picture, voice] = await Promise.all([vp8Clip(1, clip), opusClip(1)]);
  const ada = startNative(node, { room, name: "Ada", arguments: ["--publish-video", picture, "--publish-audio", voice] });
  try {
    await ada.event(({ event }) => event === "joined", "joining");
    await line.shape({ down: FAR, up: FAR });
    const bert = await subscriber(far, node, { room, name: "Bert", tile: TILE, audioSlots: 1 });
    await until(bert, (row) => row.decoded >= 30);
    const figures = {};
    for (const [kind, down] of Object.entries(LOSSES)) {
      await line.shape({ down });
      // The jitter buffer learns in the first seconds how long repair takes.
      await received(bert, "video", 4000);
      await line.count();
      const [video, audio] = await Promise.all(["video", "audio"].map((of) => received(bert, of, seconds * 1000)));
      const counted = await line.count();
      // What was lost at the end of that time is repaired behind it.
      await line.shape({ down: FAR });
      const settled = await received(bert, "video", SETTLE_MS);
      for (const key of ["lost", "repaired", "plis"]) video[key] += settled[key];
      const { frozenShare } = video;
      const { concealedShare } = audio;
      figures[kind] = { frozenShare, concealedShare, lossOfLine: counted.down.lost / counted.down.packets, video, audio };
    }
    await bert.evaluate(() => room.leave());
    return figures;
  } finally {
    await ada.leave();
    await far.close();
    await node.stop();
  }
}
