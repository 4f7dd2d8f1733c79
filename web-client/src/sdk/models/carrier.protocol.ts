import type { ModelDemand, ModelTransport } from "./messages.js";
import type { TimedEntry } from "./packer.js";

/** What the page says to the worker that sends packets. */
export type CarrierCommand =
  | { type: "start"; module: WebAssembly.Module }
  /** Where payloads come from: `TimedEntry` messages. */
  | { type: "entries"; port: MessagePort }
  /** How many sources give payloads, and how packets are wanted. */
  | ({ type: "shape"; expected: number } & Pick<ModelDemand, "packetTime" | "redundancy">)
  /** How packets leave. */
  | { type: "way"; transport: ModelTransport };

/** What it answers. */
export type CarrierReport =
  /** So many Opus frames have come by. */
  | { type: "frames"; frames: number }
  /** A packet for the data channel. */
  | { type: "packet"; packet: ArrayBuffer };

/** A payload on its way. */
export type EntryMessage = TimedEntry;
