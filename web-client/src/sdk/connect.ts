import type { VideoCodec } from "./codecs.js";
import { SottoError } from "./errors.js";
import type { ModelOptions } from "./models/models.js";
import { Room } from "./room.js";
import type { TransformFactory } from "./transform.js";

/** How to enter a room. */
export interface ConnectOptions {
  /** Address of the node: `https://sotto.example`, or the websocket itself. */
  url: string | URL;
  /** The access token, or a function that gets one: asked again on each reconnection. */
  token: string | (() => string | Promise<string>);
  /** Name to show, if the token has none. */
  name?: string;
  /** Voices that can be heard at once. Default: 4. */
  audioSlots?: number;
  /** Pictures that can be seen at once. Default: 9. */
  videoSlots?: number;
  /** Video codec of what is published, where a publication names no other. Default: `vp8`. */
  codec?: VideoCodec;
  /** `relay`: media goes over TURN servers of the node only, which hides addresses. Default: `all`. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /** Encoded transforms, for end-to-end encryption. Without models: what they send is not encrypted. */
  transform?: TransformFactory;
  /** Voices and faces that are made from models where a line is short. Default: none, all is raw. */
  models?: ModelOptions;
}

const DEFAULT_AUDIO_SLOTS = 4;
const DEFAULT_VIDEO_SLOTS = 9;

/** Enters a room. Resolves when the node let us in; throws a `SottoError`. */
export async function connect(options: ConnectOptions): Promise<Room> {
  const { token } = options;
  return Room.join({
    url: signalUrl(options.url),
    token: async () => (typeof token === "function" ? token() : token),
    name: options.name ?? null,
    slots: {
      audio: slotCount(options.audioSlots ?? DEFAULT_AUDIO_SLOTS),
      video: slotCount(options.videoSlots ?? DEFAULT_VIDEO_SLOTS),
    },
    codec: options.codec ?? "vp8",
    iceTransportPolicy: options.iceTransportPolicy ?? "all",
    transform: options.transform ?? null,
    models: options.models !== undefined && !options.transform,
    modelOptions: options.transform ? null : (options.models ?? null),
  });
}

/** The websocket of the node at `url`. */
export function signalUrl(url: string | URL): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new SottoError("usage", `not a URL: ${url}`, { cause });
  }
  const scheme = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" }[
    parsed.protocol
  ];
  if (!scheme) throw new SottoError("usage", `not an address of a node: ${url}`);
  if (parsed.protocol.startsWith("ws")) return parsed.href;
  return `${scheme}//${parsed.host}/v1/signal`;
}

function slotCount(count: number): number {
  if (!Number.isInteger(count) || count < 0) {
    throw new SottoError("usage", `not a number of slots: ${count}`);
  }
  return count;
}
