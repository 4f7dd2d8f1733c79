import { SottoError } from "./errors.js";
import type { Source } from "./signal.js";
import { offerDependencyDescriptor, withDependencyDescriptor } from "./transform.js";
import type { TransformFactory } from "./transform.js";

/** Which codecs are offered, most wanted first; their retransmission formats go with them. */
const CODECS = { audio: ["audio/opus"], video: ["video/VP8", "video/rtx"] } as const;

/** The m-lines that are there from the first offer, so that publishing needs no second one. */
const FIRST_LINES: readonly Source[] = ["microphone", "camera", "screen"];

/** How many slots of each kind a connection has. */
export interface SlotCounts {
  audio: number;
  video: number;
}

/** Audio or video. */
export function kindOf(source: Source): "audio" | "video" {
  return source === "camera" || source === "screen" ? "video" : "audio";
}

/**
 * The one `RTCPeerConnection` of a connection and its m-lines. The client is the only offerer:
 * people come and go without another offer, which is needed only for more m-lines.
 */
export class Negotiation {
  readonly pc: RTCPeerConnection;
  readonly #transform: TransformFactory | null;
  readonly #senders = new Map<Source, RTCRtpTransceiver>();
  readonly #receivers: Record<"audio" | "video", RTCRtpTransceiver[]> = { audio: [], video: [] };
  #munge = false;
  #last: Promise<void> = Promise.resolve();
  #offers = 0;
  #pending: { id: number; resolve: () => void; reject: (error: unknown) => void } | null = null;

  constructor(slots: SlotCounts, transform: TransformFactory | null) {
    if (typeof RTCPeerConnection === "undefined") {
      throw new SottoError("unsupported", "this browser has no WebRTC");
    }
    this.#transform = transform;
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
    for (const source of FIRST_LINES) this.sendLine(source);
    this.addSlots(slots);
  }

  /** Offers sent on this connection. */
  get offers(): number {
    return this.#offers;
  }

  /** The m-line on which `source` is sent, and whether it must be offered first. */
  sendLine(source: Source): { transceiver: RTCRtpTransceiver; isNew: boolean } {
    const existing = this.#senders.get(source);
    if (existing) return { transceiver: existing, isNew: existing.mid === null };
    const transceiver = this.#add(kindOf(source), "sendonly");
    this.#senders.set(source, transceiver);
    return { transceiver, isNew: true };
  }

  /** The m-lines of the slots of one kind, in order. */
  slotLines(kind: "audio" | "video"): readonly RTCRtpTransceiver[] {
    return this.#receivers[kind];
  }

  /** Adds receive m-lines up to these counts. Returns whether a new offer is needed. */
  addSlots(counts: SlotCounts): boolean {
    let grown = false;
    for (const kind of ["audio", "video"] as const) {
      const lines = this.#receivers[kind];
      while (lines.length < counts[kind]) {
        lines.push(this.#add(kind, "recvonly"));
        grown = true;
      }
    }
    return grown;
  }

  /**
   * Makes an offer, hands it to `send`, and waits for `answer`. One at a time: a second call
   * waits for the first.
   */
  negotiate(send: (id: number, sdp: string) => void | Promise<void>): Promise<void> {
    const exchange = this.#last.then(() => this.#exchange(send));
    this.#last = exchange.catch(() => undefined);
    return exchange;
  }

  /** The node's answer. One to an older offer is passed over. */
  async answer(id: number, sdp: string): Promise<void> {
    const pending = this.#pending;
    if (pending?.id !== id) return;
    try {
      await this.pc.setRemoteDescription({ type: "answer", sdp });
      pending.resolve();
    } catch (cause) {
      pending.reject(new SottoError("badOffer", "the node's answer does not fit", { cause }));
    }
  }

  /** The node refused the offer. */
  refuse(error: SottoError): void {
    this.#pending?.reject(error);
  }

  close(): void {
    this.pc.close();
    this.#pending?.reject(new SottoError("usage", "the connection was closed"));
  }

  #add(kind: "audio" | "video", direction: "sendonly" | "recvonly"): RTCRtpTransceiver {
    const transceiver = this.pc.addTransceiver(kind, { direction });
    const wanted: readonly string[] = CODECS[kind];
    const codecs = (RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []).filter((codec) =>
      wanted.some((name) => name.toLowerCase() === codec.mimeType.toLowerCase()),
    );
    if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
    if (this.#transform) {
      const sends = direction === "sendonly";
      const transform = this.#transform({
        direction: sends ? "send" : "receive",
        kind,
        transceiver,
      });
      if (sends) transceiver.sender.transform = transform;
      else transceiver.receiver.transform = transform;
      if (kind === "video" && !offerDependencyDescriptor(transceiver)) this.#munge = true;
    }
    return transceiver;
  }

  async #exchange(send: (id: number, sdp: string) => void | Promise<void>): Promise<void> {
    const id = ++this.#offers;
    const answered = new Promise<void>((resolve, reject) => {
      this.#pending = { id, resolve, reject };
    });
    // Whoever fails first below is thrown; a second failure must not count as unhandled.
    answered.catch(() => undefined);
    try {
      const offer = await this.pc.createOffer();
      if (this.#munge && offer.sdp) offer.sdp = withDependencyDescriptor(offer.sdp);
      await this.pc.setLocalDescription(offer);
      // The node is ICE-lite and learns our addresses from our checks: no candidate is awaited.
      await send(id, this.pc.localDescription?.sdp ?? "");
      await answered;
    } finally {
      this.#pending = null;
    }
  }
}
