import { SottoError } from "./errors.js";
import { byteLength } from "./signal.js";

/** The label of the text chat. */
export const CHAT_LABEL = "chat";
/** Longest label, in bytes of UTF-8. */
export const MAX_LABEL_BYTES = 64;
/** Longest chat message, in bytes of UTF-8. */
export const MAX_CHAT_BYTES = 4 * 1024;
/** Longest other message, in bytes. */
export const MAX_DATA_BYTES = 16 * 1024;
/** Messages that wait for their channel to open; one more is refused. */
const MAX_WAITING = 64;
/** Channels of one connection; one more is refused. */
const MAX_CHANNELS = 32;
/** In front of each message of the node: short id of the sender, and 1 for text, 0 for binary. */
const HEADER_BYTES = 5;

/** A message from somebody in the room. */
export interface DataMessage {
  label: string;
  /** Short id of the sender. */
  from: number;
  data: string | ArrayBuffer;
}

/** Reads a message as the node frames it; `null` if it is not one. */
export function parseDataMessage(label: string, bytes: ArrayBuffer): DataMessage | null {
  if (bytes.byteLength < HEADER_BYTES) return null;
  const view = new DataView(bytes);
  const kind = view.getUint8(4);
  const payload = bytes.slice(HEADER_BYTES);
  if (kind === 0) return { label, from: view.getUint32(0), data: payload };
  if (kind !== 1) return null;
  try {
    const data = new TextDecoder("utf-8", { fatal: true }).decode(payload);
    return { label, from: view.getUint32(0), data };
  } catch {
    return null;
  }
}

/** Throws a `SottoError` if the node would refuse this message. */
export function checkDataMessage(label: string, data: string | ArrayBuffer): void {
  if (label === "" || byteLength(label) > MAX_LABEL_BYTES) {
    throw new SottoError("usage", `a label has 1 to ${MAX_LABEL_BYTES} bytes`);
  }
  const length = typeof data === "string" ? byteLength(data) : data.byteLength;
  const limit = label === CHAT_LABEL ? MAX_CHAT_BYTES : MAX_DATA_BYTES;
  if (length > limit) {
    throw new SottoError("tooMuch", `${length} bytes on "${label}", the limit is ${limit}`);
  }
}

/** The data channels of one connection: one per label, ordered and reliable. */
export class DataChannels {
  readonly #pc: RTCPeerConnection;
  readonly #receive: (message: DataMessage) => void;
  readonly #channels = new Map<string, RTCDataChannel>();
  readonly #waiting = new Map<RTCDataChannel, (string | ArrayBuffer)[]>();

  constructor(pc: RTCPeerConnection, receive: (message: DataMessage) => void) {
    this.#pc = pc;
    this.#receive = receive;
    pc.ondatachannel = ({ channel }) => this.#listen(channel);
  }

  /** The channel with this label, opened now if there is none. */
  open(label: string): RTCDataChannel {
    const existing = this.#channels.get(label);
    if (existing && existing.readyState !== "closed") return existing;
    if (this.#channels.size >= MAX_CHANNELS && !existing) {
      throw new SottoError("tooMuch", `more than ${MAX_CHANNELS} data channels`);
    }
    const channel = this.#pc.createDataChannel(label, { ordered: true });
    this.#channels.set(label, channel);
    this.#listen(channel);
    return channel;
  }

  /** A channel of the library's own that loses messages rather than being late, unframed. */
  openLossy(label: string): RTCDataChannel {
    return this.#pc.createDataChannel(label, { ordered: false, maxRetransmits: 0 });
  }

  /** Sends to everybody else in the room. Waits for the channel where it is not open yet. */
  send(label: string, data: string | ArrayBuffer): void {
    checkDataMessage(label, data);
    const channel = this.open(label);
    if (channel.readyState === "open") return transmit(channel, data);
    const waiting = this.#waiting.get(channel) ?? [];
    if (waiting.length >= MAX_WAITING) {
      throw new SottoError("tooMuch", `more than ${MAX_WAITING} messages wait for "${label}"`);
    }
    waiting.push(data);
    this.#waiting.set(channel, waiting);
  }

  #listen(channel: RTCDataChannel): void {
    channel.binaryType = "arraybuffer";
    channel.onopen = () => {
      const waiting = this.#waiting.get(channel) ?? [];
      this.#waiting.delete(channel);
      for (const data of waiting) transmit(channel, data);
    };
    channel.onclose = () => this.#waiting.delete(channel);
    channel.onmessage = ({ data }) => {
      const message =
        data instanceof ArrayBuffer ? parseDataMessage(channel.label, data) : null;
      if (message) this.#receive(message);
    };
  }
}

function transmit(channel: RTCDataChannel, data: string | ArrayBuffer): void {
  if (typeof data === "string") channel.send(data);
  else channel.send(data);
}
