import type { ArrivedBlock, DemuxCounts } from "./demux.js";
import type { PluginSupport } from "./messages.js";

/** What the page says to the worker that takes bundles apart. Times: ms since 1970. */
export type BundlesCommand =
  | { type: "start"; module: WebAssembly.Module }
  /** A bundle from the data channel. */
  | { type: "bundle"; bytes: ArrayBuffer }
  /** A model as it was fetched: its container, or a delta from one that was held before. */
  | { type: "model"; participant: number; plugin: number; hash: string; bytes: ArrayBuffer }
  /** The container of a model that is held is wanted, to be kept. */
  | { type: "container"; hash: string }
  /** Somebody is sent in the model that knows no speaker, which is here already. */
  | { type: "generic"; participant: number; plugin: number }
  /** Forgets a model and all that was made of it. */
  | { type: "forget"; participant: number; plugin: number; epoch: number; hash: string }
  | { type: "remove"; participant: number }
  | { type: "anchor"; participant: number; timestamp: number }
  /** Somebody's media waits at least so long; the longest wait that is asked for counts. */
  | { type: "hold"; participant: number; who: "voice" | "face"; ms: number }
  /** Somebody's sound must be decoded so long before it is heard. */
  | { type: "lead"; participant: number; ms: number }
  | { type: "heard"; participant: number; delay: number }
  /** Where somebody's decoded sound goes. */
  | { type: "voice"; participant: number; to: SharedArrayBuffer | MessagePort }
  /** A canvas to draw faces in. */
  | { type: "surface"; surface: number; canvas: OffscreenCanvas }
  /** Whose face it shows, how large; `null`: nobody's. */
  | { type: "show"; surface: number; participant: number | null; width: number; height: number }
  /** Whether each block is told of as it arrives. */
  | { type: "tap"; on: boolean };

/** What it answers. */
export type BundlesReport =
  /** What this device can decode, measured. */
  | { type: "support"; plugins: PluginSupport[] }
  | { type: "container"; hash: string; container: ArrayBuffer }
  | { type: "held"; participant: number; plugin: number; epoch: number; hash: string }
  /** A model that is of no use; `hash` `null`: a decoder refused a block, or the generic one is not here. */
  | {
      type: "failed";
      participant: number;
      plugin: number;
      epoch: number;
      hash: string | null;
      reason: "corrupt" | "unsupported" | "decoder";
    }
  /** Local minus media time at which somebody is played, and how long media waits for it. */
  | { type: "clock"; participant: number; delay: number; wait: number }
  /** A frame was drawn: of which media time, how late, ms, and when it is expected on the screen. */
  | { type: "drawn"; surface: number; participant: number; media: number; late: number; at: number }
  | { type: "arrived"; block: ArrivedBlock }
  | { type: "counts"; counts: DemuxCounts };
