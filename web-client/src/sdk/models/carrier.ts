import type { CarrierCommand, CarrierReport } from "./carrier.protocol.js";
import CarrierWorker from "./carrier.worker.js?worker&inline";
import type { ModelDemand, ModelTransport } from "./messages.js";

/** Opus frames that must come by, and the time they have for it, before the m-line is trusted. */
const PROBE_FRAMES = 10;
const PROBE_MS = 1500;
/** Opus itself is thrown away: as few bits as it makes, bit/s. */
const CARRIER_BITRATE = 6000;
/** Amplitude of a track that nobody hears, so that its frames never stop. */
const AMPLITUDE = 0.001;

/** Label of the data channel that takes the place of the m-lines. */
export const MODELS_LABEL = "models";

/**
 * The way out for model packets: an audio m-line with a synthetic track of its own, whose Opus
 * frames a worker replaces; or a data channel where that does not work. Never the microphone, which
 * may be missing or muted.
 */
export class Carrier {
  readonly #worker = new CarrierWorker();
  #source: ConstantSourceNode | null = null;
  #track: MediaStreamTrack | null = null;
  #frames = 0;
  #channel: RTCDataChannel | null = null;
  #sender: RTCRtpSender | null = null;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<CarrierReport>) => {
      if (data.type === "frames") this.#frames = data.frames;
      else if (this.#channel?.readyState === "open") this.#channel.send(data.packet);
    };
  }

  /** Whether this browser has what the m-line needs. */
  static get possible(): boolean {
    return typeof RTCRtpScriptTransform !== "undefined";
  }

  /** Whether there is anything that frames could be made of. */
  get hasTrack(): boolean {
    return this.#track !== null;
  }

  /** The codec is there. */
  start(module: WebAssembly.Module): void {
    this.#tell({ type: "start", module });
  }

  /** Takes over the m-line and the channel of a new connection, before they are offered. */
  attach(line: RTCRtpTransceiver | null, channel: RTCDataChannel): void {
    this.#channel = channel;
    this.#sender = line?.sender ?? null;
    if (!line || !Carrier.possible) return;
    line.sender.transform = new RTCRtpScriptTransform(this.#worker, {});
    if (this.#track) void line.sender.replaceTrack(this.#track);
  }

  /** Makes the track. `context` must run for frames to come: in Chromium a suspended one makes none. */
  async run(context: AudioContext): Promise<void> {
    if (this.#track) return;
    this.#source = new ConstantSourceNode(context, { offset: AMPLITUDE });
    const destination = context.createMediaStreamDestination();
    this.#source.connect(destination);
    this.#source.start();
    this.#track = destination.stream.getAudioTracks()[0] ?? null;
    await this.#sender?.replaceTrack(this.#track);
  }

  /** Whether frames come by on the present connection, which must be up. */
  async probe(): Promise<ModelTransport> {
    const sender = this.#sender;
    if (!sender || !Carrier.possible) return this.#take("data");
    await this.setActive(true);
    const before = this.#frames;
    for (let waited = 0; waited < PROBE_MS; waited += 100) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (this.#frames - before >= PROBE_FRAMES) return this.#take("rtp");
    }
    return this.#take("data");
  }

  /** Whether Opus frames are made at all: only while there are packets to carry. */
  async setActive(active: boolean): Promise<void> {
    const sender = this.#sender;
    const parameters = sender?.getParameters();
    if (!sender || !parameters) return;
    for (const encoding of parameters.encodings) {
      encoding.active = active;
      encoding.maxBitrate = CARRIER_BITRATE;
    }
    try {
      await sender.setParameters(parameters);
    } catch (error) {
      // The connection has closed meanwhile.
      if (!(error instanceof DOMException)) throw error;
    }
  }

  /** A port for the payloads of one source. */
  entries(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage({ type: "entries", port: port1 } satisfies CarrierCommand, [port1]);
    return port2;
  }

  /** How packets are wanted, of so many sources. */
  shape(expected: number, { packetTime, redundancy }: Pick<ModelDemand, "packetTime" | "redundancy">): void {
    this.#tell({ type: "shape", expected, packetTime, redundancy });
  }

  stop(): void {
    this.#source?.disconnect();
    this.#track?.stop();
    this.#worker.terminate();
  }

  #take(transport: ModelTransport): ModelTransport {
    this.#tell({ type: "way", transport });
    return transport;
  }

  #tell(command: CarrierCommand): void {
    this.#worker.postMessage(command);
  }
}
