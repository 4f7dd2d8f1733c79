import { offeredCodecs, videoCodec } from "./codecs.js";
import type { VideoCodec } from "./codecs.js";
import { SottoError } from "./errors.js";
import { RIDS } from "./layers.js";
import { onlyModelPackets } from "./models/lines.js";
import type { IceServer, ModelLines, Source } from "./signal.js";
import { slimOffer } from "./slim.js";
import { offerDependencyDescriptor, withDependencyDescriptor } from "./transform.js";
import type { TransformFactory } from "./transform.js";
import { PLAIN_VOICE, sameVoice, withOpusRepair, withVoiceFormat } from "./voice.js";
import type { VoiceFormat } from "./voice.js";

/** The m-lines that are there from the first offer, so that publishing needs no second one. */
const FIRST_LINES: readonly Source[] = ["microphone", "camera", "screen"];

/** How many slots of each kind a connection has. */
export interface SlotCounts {
  audio: number;
  video: number;
}

/** What a negotiation is made with. */
export interface NegotiationConfig {
  slots: SlotCounts;
  /** The video codec that is offered first. */
  codec: VideoCodec;
  transform: TransformFactory | null;
  /** Whether there are m-lines for the model stream and for bundles. */
  models: boolean;
  /** `relay`: only over TURN servers. */
  iceTransportPolicy: RTCIceTransportPolicy;
}

/** The m-lines of the model stream, out, and of bundles, in. */
export interface ModelTransceivers {
  send: RTCRtpTransceiver;
  receive: RTCRtpTransceiver;
}

/** Hands an offer to the node. */
type SendOffer = (id: number, sdp: string, models: ModelLines | null) => void | Promise<void>;

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
  readonly #config: NegotiationConfig;
  readonly #senders = new Map<Source, RTCRtpTransceiver>();
  readonly #receivers: Record<"audio" | "video", RTCRtpTransceiver[]> = { audio: [], video: [] };
  readonly #models: ModelTransceivers | null;
  /** By m-line: what its voice is to be made like, beyond what the node's answer says. */
  readonly #voices = new Map<string, VoiceFormat>();
  /** The node's last answer, as it came. */
  #answer: string | null = null;
  #munge = false;
  #last: Promise<void> = Promise.resolve();
  #offers = 0;
  #pending: { id: number; resolve: () => void; reject: (error: unknown) => void } | null = null;

  constructor(config: NegotiationConfig) {
    if (typeof RTCPeerConnection === "undefined") {
      throw new SottoError("unsupported", "this browser has no WebRTC");
    }
    this.#config = config;
    this.pc = new RTCPeerConnection({
      bundlePolicy: "max-bundle",
      rtcpMuxPolicy: "require",
      iceTransportPolicy: config.iceTransportPolicy,
    });
    for (const source of FIRST_LINES) this.sendLine(source);
    this.addSlots(config.slots);
    this.#models = config.models ? this.#addModels() : null;
  }

  /** The m-lines of the model stream and of bundles; `null`: there are none. */
  get models(): ModelTransceivers | null {
    return this.#models;
  }

  /** Whether media may go over TURN servers only. */
  get relayOnly(): boolean {
    return this.#config.iceTransportPolicy === "relay";
  }

  /** The servers that the next gathering of addresses uses: that of the first offer, or of a restart. */
  setServers(iceServers: IceServer[]): void {
    if (iceServers.length === 0 || this.pc.signalingState === "closed") return;
    this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: iceServers.map(forBrowser) });
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
  negotiate(send: SendOffer): Promise<void> {
    return this.#inTurn(() => this.#exchange(send));
  }

  /** As `negotiate`, and ICE starts over: the path in use stays until another one is found. */
  restart(send: SendOffer): Promise<void> {
    return this.#inTurn(() => {
      this.pc.restartIce();
      return this.#exchange(send);
    });
  }

  /**
   * Has the voice on this m-line made like this from now on. Nobody else need know: the answer in
   * use is applied once more, with these words in it.
   */
  setVoice(mid: string, format: VoiceFormat): Promise<void> {
    if (sameVoice(this.#voices.get(mid) ?? PLAIN_VOICE, format)) return Promise.resolve();
    this.#voices.set(mid, format);
    return this.#inTurn(() => this.#applyAgain());
  }

  /** Whether the node takes several layers of the video on this m-line. */
  takesLayers(mid: string): boolean {
    const sections = (this.#answer ?? "").split(/^(?=m=)/m);
    const section = sections.find((lines) => lines.split("\r\n").includes(`a=mid:${mid}`));
    return section?.includes("\r\na=simulcast:recv ") ?? false;
  }

  /**
   * Offers another codec first on the m-line of `source`, for browsers that cannot change it without
   * an offer. Returns whether that is of use: whether the node knows the codec.
   */
  preferCodec(source: Source, codec: VideoCodec): boolean {
    const line = this.#senders.get(source);
    if (!line || !videoCodec(line.sender.getParameters().codecs, codec)) return false;
    setCodecs(line, kindOf(source), codec);
    return true;
  }

  /** The node's answer. One to an older offer is passed over. */
  async answer(id: number, sdp: string): Promise<void> {
    const pending = this.#pending;
    if (pending?.id !== id) return;
    try {
      await this.pc.setRemoteDescription({ type: "answer", sdp: this.#withVoices(sdp) });
      this.#answer = sdp;
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
    const simulcast = kind === "video" && direction === "sendonly";
    const transceiver = this.pc.addTransceiver(kind, {
      direction,
      ...(simulcast ? { sendEncodings: RIDS.map((rid) => ({ rid })) } : {}),
    });
    const { codec, transform: factory } = this.#config;
    setCodecs(transceiver, kind, codec);
    // The layers of AV1 can be told apart by it alone.
    if (kind === "video" && !offerDependencyDescriptor(transceiver)) this.#munge = true;
    if (factory) {
      const sends = direction === "sendonly";
      const transform = factory({
        direction: sends ? "send" : "receive",
        kind,
        transceiver,
      });
      if (sends) transceiver.sender.transform = transform;
      else transceiver.receiver.transform = transform;
    }
    return transceiver;
  }

  #addModels(): ModelTransceivers {
    const send = this.pc.addTransceiver("audio", { direction: "sendonly" });
    const receive = this.pc.addTransceiver("audio", { direction: "recvonly" });
    onlyModelPackets(send);
    onlyModelPackets(receive);
    return { send, receive };
  }

  #modelLines(): ModelLines | null {
    return this.#models && { send: this.#models.send.mid, receive: this.#models.receive.mid };
  }

  async #exchange(send: SendOffer): Promise<void> {
    const id = ++this.#offers;
    const answered = new Promise<void>((resolve, reject) => {
      this.#pending = { id, resolve, reject };
    });
    // Whoever fails first below is thrown; a second failure must not count as unhandled.
    answered.catch(() => undefined);
    try {
      await this.#describe();
      // The node is ICE-lite and learns our addresses from our checks: no candidate is awaited.
      await send(id, slimOffer(this.pc.localDescription?.sdp ?? ""), this.#modelLines());
      await answered;
    } finally {
      this.#pending = null;
    }
  }
  /** Makes and sets a local offer. */
  async #describe(): Promise<void> {
    const { sdp = "" } = await this.pc.createOffer();
    const repaired = withOpusRepair(this.#munge ? withDependencyDescriptor(sdp) : sdp);
    try {
      await this.pc.setLocalDescription({ type: "offer", sdp: repaired });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      // A browser that insists on its own words: lost audio is then not resent.
      await this.pc.setLocalDescription();
    }
  }

  async #applyAgain(): Promise<void> {
    const { pc } = this;
    // An offer is on its way, or new m-lines will need one: its answer is given the same words.
    const ahead = pc.getTransceivers().some(({ mid }) => mid === null);
    if (this.#answer === null || pc.signalingState !== "stable" || ahead) return;
    await this.#describe();
    try {
      await pc.setRemoteDescription({ type: "answer", sdp: this.#withVoices(this.#answer) });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      // Without these words then: the voice goes on as before.
      await pc.setRemoteDescription({ type: "answer", sdp: this.#answer });
    }
  }

  #withVoices(sdp: string): string {
    return [...this.#voices].reduce((text, [mid, format]) => withVoiceFormat(text, mid, format), sdp);
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function forBrowser({ urls, username, credential }: IceServer): RTCIceServer {
  return { urls, ...(username ? { username } : {}), ...(credential ? { credential } : {}) };
}

function setCodecs(line: RTCRtpTransceiver, kind: "audio" | "video", first: VideoCodec): void {
  const known = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const codecs = offeredCodecs(kind, known, first);
  if (codecs.length > 0) line.setCodecPreferences(codecs);
}
