import { kindOf } from "./negotiation.js";
import type { Source } from "./signal.js";

/** How a track is published. */
export interface PublishOptions {
  source: Source;
  /** Whether it starts muted. Default: false. */
  muted?: boolean;
  /** Upper limit of the encoder, bit/s. Default: by source. */
  maxBitrate?: number;
  /** Upper limit of the encoder, frames per second. Default: none. */
  maxFramerate?: number;
  /** Whether the payload is encrypted end to end. Default: whether there is a transform. */
  encrypted?: boolean;
}

/** Default upper limits, bit/s. */
const MAX_BITRATE: Record<Source, number> = {
  microphone: 32_000,
  screenAudio: 96_000,
  camera: 1_200_000,
  screen: 2_500_000,
};

/** What a publication asks of the room. */
export interface PublicationOwner {
  /** The m-line of this source on the present connection; `null` while there is none. */
  line(source: Source): RTCRtpTransceiver | null;
  announce(publication: Publication): void;
  announceMute(publication: Publication): void;
  withdraw(publication: Publication): void;
}

/** A track that this client sends. Survives reconnections. */
export class Publication {
  readonly source: Source;
  readonly encrypted: boolean;
  readonly #owner: PublicationOwner;
  readonly #options: PublishOptions;
  #track: MediaStreamTrack;
  #muted: boolean;
  #ended = false;

  constructor(
    owner: PublicationOwner,
    track: MediaStreamTrack,
    options: PublishOptions,
    encrypted: boolean,
  ) {
    this.#owner = owner;
    this.#track = track;
    this.#options = options;
    this.#muted = options.muted ?? false;
    this.source = options.source;
    this.encrypted = encrypted;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** Identification tag of its m-line; `null` while there is no connection. */
  get mid(): string | null {
    return this.#owner.line(this.source)?.mid ?? null;
  }

  /** Stops or resumes sending. The track is disabled too, so nothing of it can leave. */
  async setMuted(muted: boolean): Promise<void> {
    if (this.#ended || muted === this.#muted) return;
    this.#muted = muted;
    this.#track.enabled = !muted;
    this.#owner.announceMute(this);
    await this.#configure();
  }

  /** Sends another track in place of this one: another camera, or the same one started again. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    this.#track = track;
    track.enabled = !this.#muted;
    if (!this.#ended) await this.#owner.line(this.source)?.sender.replaceTrack(track);
  }

  /** Ends it. The track itself goes on: it belongs to the caller. */
  async unpublish(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.withdraw(this);
    await this.#owner.line(this.source)?.sender.replaceTrack(null);
  }

  /** For `Room`: puts the track on the m-line of the present connection. */
  async attach(): Promise<void> {
    const line = this.#owner.line(this.source);
    if (!line || this.#ended) return;
    this.#track.enabled = !this.#muted;
    await line.sender.replaceTrack(this.#track);
    await this.#configure();
    this.#owner.announce(this);
  }

  async #configure(): Promise<void> {
    const sender = this.#owner.line(this.source)?.sender;
    if (!sender) return;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) {
      encoding.active = !this.#muted;
      encoding.maxBitrate = this.#options.maxBitrate ?? MAX_BITRATE[this.source];
      if (this.#options.maxFramerate !== undefined) {
        encoding.maxFramerate = this.#options.maxFramerate;
      }
    }
    if (kindOf(this.source) === "video") {
      // A face may lose sharpness, not motion; a screen may lose motion, not sharpness.
      parameters.degradationPreference =
        this.source === "screen" ? "maintain-resolution" : "maintain-framerate";
    }
    try {
      await sender.setParameters(parameters);
    } catch (error) {
      // A second change overtook this one, or the connection closed: the later one counts.
      if (!(error instanceof DOMException)) throw error;
    }
  }
}
