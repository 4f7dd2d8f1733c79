import type { VideoCodec } from "./codecs.js";
import { EncoderControl } from "./encoder.js";
import type { Wanted } from "./encoder.js";
import { planLayers } from "./layers.js";
import type { CaptureSize, LayerPlan } from "./layers.js";
import { kindOf } from "./negotiation.js";
import type { AudioDemand, LayerDemand, Source } from "./signal.js";
import type { VoiceFormat } from "./voice.js";

/** How a track is published. */
export interface PublishOptions {
  source: Source;
  /** Whether it starts muted. Default: false. */
  muted?: boolean;
  /** Video: the codec. Default: that of the connection. */
  codec?: VideoCodec;
  /** Upper limit of the (largest) encoder, bit/s. Default: by source and size. */
  maxBitrate?: number;
  /** Upper limit of the encoder, frames per second. Default: as captured; a screen 15. */
  maxFramerate?: number;
  /** Video: whether several sizes are sent, so that everybody gets what their line and tile can
   * take. Default: true. */
  layers?: boolean;
  /** What the track carries, as `MediaStreamTrack.contentHint`. Default: what is set on the track,
   * else `detail` for a screen. */
  contentHint?: "" | "speech" | "music" | "motion" | "detail" | "text";
  /** Whether the payload is encrypted end to end. Default: whether there is a transform. */
  encrypted?: boolean;
}

/** A layer of a published video. */
export interface SentLayer extends Readonly<LayerPlan> {
  /** Whether it is sent now: it is wanted by somebody, and not muted. */
  readonly active: boolean;
}

/** Upper limits of sound, bit/s. */
const AUDIO_BITRATE = { voice: 32_000, music: 96_000 };
/** Until the first frame tells. */
const UNKNOWN_SIZE: CaptureSize = { width: 1280, height: 720 };
/** How often a track is asked for its size: a turned phone tells nobody. */
const LOOK_MS = 1000;

/** What a publication asks of the room. */
export interface PublicationOwner {
  /** The m-line of this source on the present connection; `null` while there is none. */
  line(source: Source): RTCRtpTransceiver | null;
  /** Whether the node takes simulcast on that m-line. */
  takesLayers(publication: Publication): boolean;
  announce(publication: Publication): void;
  announceMute(publication: Publication): void;
  /** The layers changed: `told`, whether the node must know. */
  announceLayers(publication: Publication, told: boolean): void;
  shapeVoice(publication: Publication, format: VoiceFormat): Promise<void>;
  /** It has another track now. */
  trackChanged(source: Source): void;
  withdraw(publication: Publication): void;
}

/** A track that this client sends. Survives reconnections. */
export class Publication {
  readonly source: Source;
  readonly encrypted: boolean;
  readonly #owner: PublicationOwner;
  readonly #options: PublishOptions;
  /** The video codec that was asked for. */
  readonly wantedCodec: VideoCodec;
  readonly #encoder: EncoderControl;
  #track: MediaStreamTrack;
  #muted: boolean;
  #ended = false;
  /** By tag: what the node wants sent. One that it did not speak of is. */
  #demand = new Map<string | null, boolean>();
  #voice: AudioDemand | null = null;
  /** Sent although nobody asks for it yet. */
  #keepsRaw = false;
  #size: CaptureSize = UNKNOWN_SIZE;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    owner: PublicationOwner,
    track: MediaStreamTrack,
    options: PublishOptions,
    defaults: { encrypted: boolean; codec: VideoCodec },
  ) {
    this.#owner = owner;
    this.#track = track;
    this.#options = options;
    this.#muted = options.muted ?? false;
    this.wantedCodec = options.codec ?? defaults.codec;
    this.source = options.source;
    this.encrypted = options.encrypted ?? defaults.encrypted;
    this.#encoder = new EncoderControl(
      () => (this.#ended ? null : (owner.line(options.source)?.sender ?? null)),
      () => this.#wanted(),
    );
    this.#hint();
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

  /** The video codec in use; `null` for audio. */
  get codec(): VideoCodec | null {
    return kindOf(this.source) === "video" ? this.#encoder.codec : null;
  }

  /** What the encoder makes, smallest first; empty for audio. */
  get layers(): readonly SentLayer[] {
    return this.#encoder.layers.map((layer) => ({ ...layer, active: this.#isActive(layer.rid) }));
  }

  /** How the node wants this voice made; `null`: as the publisher likes, or no voice. */
  get voice(): Readonly<AudioDemand> | null {
    return this.#voice;
  }

  /** Stops or resumes sending. The track is disabled too, so nothing of it can leave. */
  async setMuted(muted: boolean): Promise<void> {
    if (this.#ended || muted === this.#muted) return;
    this.#muted = muted;
    this.#track.enabled = !muted;
    this.#owner.announceMute(this);
    await this.#encoder.apply();
    this.#owner.announceLayers(this, false);
  }

  /** Sends another track in place of this one: another camera, or the same one started again. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    this.#track = track;
    this.#hint();
    track.enabled = !this.#muted;
    if (this.#ended) return;
    await this.#owner.line(this.source)?.sender.replaceTrack(track);
    this.#owner.trackChanged(this.source);
    // Music has another limit than a voice.
    if (kindOf(this.source) === "audio") await this.#encoder.apply();
    else await this.#look();
  }

  /** Ends it. The track itself goes on: it belongs to the caller. */
  async unpublish(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#owner.withdraw(this);
    await this.#owner.line(this.source)?.sender.replaceTrack(null);
  }

  /** For `Room`: puts the track on the m-line of the present connection. */
  async attach(): Promise<void> {
    const line = this.#owner.line(this.source);
    if (!line || this.#ended) return;
    this.#demand.clear();
    this.#voice = null;
    this.#track.enabled = !this.#muted;
    await line.sender.replaceTrack(this.#track);
    this.#size = this.#captureSize() ?? this.#size;
    await this.#encoder.apply();
    // Another connection, or the end, came first.
    if (this.#owner.line(this.source) !== line) return;
    this.#owner.announce(this);
    clearInterval(this.#timer);
    if (kindOf(this.source) === "video") {
      this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    }
  }

  /** For `Room`: what the node wants of it. */
  async demand(layers: readonly LayerDemand[], audio: AudioDemand | null): Promise<void> {
    for (const { rid, active } of layers) this.#demand.set(rid ?? null, active);
    if (audio && kindOf(this.source) === "audio") {
      this.#voice = audio;
      const { packetTime, dtx, red } = audio;
      await this.#owner.shapeVoice(this, { packetTime, dtx, red });
    }
    await this.#encoder.apply();
    this.#owner.announceLayers(this, false);
  }

  /** For the models: has it sent, in the smallest size, before the node asks for it again. */
  keepRaw(keeps: boolean): void {
    if (keeps === this.#keepsRaw) return;
    this.#keepsRaw = keeps;
    void this.#encoder.apply();
  }

  /** For `Room`: after a negotiation the sender may have forgotten its codec. */
  async refresh(): Promise<void> {
    await this.#encoder.apply();
  }

  /** For `Room`: it is over, with the room. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Plans anew if the track has another size now. */
  async #look(): Promise<void> {
    const size = this.#captureSize();
    if (!size || this.#ended) return;
    if (size.width === this.#size.width && size.height === this.#size.height) return;
    this.#size = size;
    if (!this.#owner.line(this.source)) return;
    await this.#encoder.apply();
    this.#owner.announceLayers(this, true);
  }

  #captureSize(): CaptureSize | null {
    const { width, height } = this.#track.getSettings();
    return width && height ? { width, height } : null;
  }

  #hint(): void {
    const byDefault = this.source === "screen" ? "detail" : "";
    this.#track.contentHint = this.#options.contentHint ?? (this.#track.contentHint || byDefault);
  }

  #isActive(rid: string | null): boolean {
    // Without a tag the node means the only encoding that there is.
    const wanted = this.#demand.get(rid) ?? this.#demand.get(null) ?? true;
    const kept = this.#keepsRaw && rid === (this.#encoder.layers[0]?.rid ?? null);
    return !this.#muted && (wanted || kept);
  }

  #wanted(): Wanted {
    const { maxBitrate, maxFramerate } = this.#options;
    if (kindOf(this.source) === "audio") {
      const music = this.source === "screenAudio" || this.#track.contentHint === "music";
      const own = maxBitrate ?? (music ? AUDIO_BITRATE.music : AUDIO_BITRATE.voice);
      return {
        kind: "audio",
        active: !this.#muted && ((this.#voice?.active ?? true) || this.#keepsRaw),
        maxBitrate: Math.min(own, this.#voice?.maxBitrate ?? own),
      };
    }
    const motion = this.#track.contentHint === "motion";
    return {
      kind: "video",
      codec: this.wantedCodec,
      active: (rid) => this.#isActive(rid),
      plan: (rids, codec) =>
        planLayers({
          source: this.source,
          size: this.#size,
          codec,
          rids: this.#owner.takesLayers(this) ? rids : [null],
          several: this.#options.layers ?? true,
          motion,
          maxBitrate: maxBitrate ?? null,
          maxFramerate: maxFramerate ?? null,
        }),
      // A face may lose sharpness, not motion; a screen may lose motion, not sharpness.
      degradation:
        this.source === "screen" && !motion ? "maintain-resolution" : "maintain-framerate",
    };
  }
}
