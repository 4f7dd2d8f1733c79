// Encodes one source of one's own, beside the page: see voicecapture.ts and facecapture.ts for what
// is pure in it.

import type { CaptureCommand, CaptureReport, LearnerMedia, SoundMessage } from "./capture.protocol.js";
import type { EntryMessage } from "./carrier.protocol.js";
import { FrameClock, GRAPH_LATE_MS } from "./captureclock.js";
import { Codec, CodecError, FRAME_MS, GENERIC_EPOCH, SOUND_RATE } from "./codec.js";
import { Downsampler } from "./downsample.js";
import { FaceCapture } from "./facecapture.js";
import type { Picture } from "./facecapture.js";
import { GateWatch } from "./gatewatch.js";
import type { GateState } from "./gatewatch.js";
import { LearningPace } from "./learningplace.js";
import { ownFaces, ownVoices } from "./ownmodels.js";
import { PaceWatch } from "./pacewatch.js";
import { FramePixels } from "./pixels.js";
import { VoiceCapture } from "./voicecapture.js";
import type { VoicePayload } from "./voicecapture.js";

/** How often blocks of pictures are looked at for being over, ms. */
const FLUSH_MS = 10;
/** Blocks of sound between two words on where they begin. */
const PHASE_BLOCKS = 12;
/** The node takes a model stream that says nothing for 1 s for one that has stalled, ms. */
const ALIVE_MS = 400;
const ALIVE_LOOK_MS = 100;
/** Pictures that wait for a learner. Full: the newest is not learned from. */
const MAX_UNLEARNED = 4;

/** What a worker has, and TypeScript's types of a page have not. */
interface Scope {
  onmessage: ((event: MessageEvent<CaptureCommand>) => void) | null;
  postMessage(message: CaptureReport): void;
  close(): void;
}

const scope = self as unknown as Scope;
const now = () => performance.timeOrigin + performance.now();

let session: Session | null = null;

scope.onmessage = ({ data }) => {
  if (data.type === "start") session = new Session(new Codec(data.module), data.plugin, data.entries);
  else session?.obey(data);
};

class Session {
  readonly #entries: MessagePort;
  readonly #voices = ownVoices();
  readonly #faces = ownFaces();
  readonly #codec: Codec;
  readonly #plugin: number;
  readonly #sound: boolean;
  readonly #pixels = new FramePixels();
  readonly #frames = new FrameClock();
  readonly #gate = new GateWatch();
  readonly #pace = new PaceWatch();
  readonly #learning = new LearningPace();
  #microphone = new AbortController();
  #camera = new AbortController();
  #active = false;
  #paused = false;
  #epoch: number | null = null;
  #learner: MessagePort | null = null;
  #unlearned = 0;
  #blocks = 0;
  #sentAt = 0;
  readonly #face = new FaceCapture({
    // What may pass is waited for with the last picture: raw media get ready, and nothing is shown.
    verdict: ({ verdict, passing, missed }, pictures) => {
      if (missed) for (const picture of pictures) this.#teachPicture(picture, true);
      this.#judged(passing ? "amber" : verdict);
    },
    payload: (payload) => this.#send(payload),
  });

  constructor(codec: Codec, plugin: number, entries: MessagePort) {
    this.#entries = entries;
    this.#codec = codec;
    this.#plugin = plugin;
    this.#sound = plugin < 8;
    if (!this.#sound) {
      setInterval(() => this.#timed(() => this.#face.flush(now(), this.#active)), FLUSH_MS);
    }
    setInterval(() => this.#stayAlive(), ALIVE_LOOK_MS);
  }

  obey(command: CaptureCommand): void {
    switch (command.type) {
      case "microphone":
        return this.#hear(command.pieces);
      case "sound":
        return this.#listen(command.port, command.rate);
      case "camera":
        return this.#watch(command.frames);
      case "frame":
        void this.#see(command.frame);
        return;
      case "model":
        return this.#use(new Uint8Array(command.container));
      case "demand":
        this.#active = command.active;
        this.#epoch = command.epoch;
        if (command.epoch === GENERIC_EPOCH && command.active) this.#useGeneric();
        return;
      case "learn":
        this.#learner = command.port;
        this.#unlearned = 0;
        this.#learning.restart();
        if (command.port) command.port.onmessage = () => this.#unlearned--;
        return;
      case "phase":
        return this.#face.setPhase(command.media);
      case "pause":
        this.#paused = command.on;
        this.#learning.restart();
        return;
      case "stop":
        this.#hear(null);
        this.#watch(null);
        scope.close();
    }
  }

  #use(container: Uint8Array): void {
    try {
      const model = this.#codec.createModel(container);
      if (this.#sound) this.#voices.add(model);
      else this.#faces.add(model);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      scope.postMessage({ type: "refused" });
    }
  }

  /** What is encoded in it is judged as with any model. */
  #useGeneric(): void {
    const model = this.#voices.has(GENERIC_EPOCH) ? null : this.#codec.createGenericModel(this.#plugin);
    if (model) this.#voices.add(model);
  }

  /** Pieces that are on their way as it ends are closed by the stream. */
  #hear(pieces: ReadableStream<AudioData> | null): void {
    this.#microphone.abort();
    this.#microphone = new AbortController();
    const { signal } = this.#microphone;
    let recorded = 0;
    let push: ((samples: Float32Array) => void) | null = null;
    const write = (piece: AudioData) => {
      if (!push || piece.sampleRate !== recorded) push = this.#capture(piece.sampleRate, 0);
      recorded = piece.sampleRate;
      push(monoOf(piece));
      piece.close();
    };
    void pieces?.pipeTo(new WritableStream({ write }), { signal }).catch(() => undefined);
  }

  #listen(port: MessagePort, recorded: number): void {
    const push = this.#capture(recorded, GRAPH_LATE_MS);
    port.onmessage = ({ data }: MessageEvent<SoundMessage>) => push(data);
  }

  /** What takes sound of a rate that comes so late at best, ms. */
  #capture(recorded: number, lateBy: number): (samples: Float32Array) => void {
    const rate = SOUND_RATE;
    const down = new Downsampler(recorded, rate);
    const capture = new VoiceCapture(rate, lateBy, {
      block: (samples, media) => {
        if (this.#blocks++ % PHASE_BLOCKS === 0) scope.postMessage({ type: "phase", media });
        this.#teach({ type: "sound", samples: samples.slice(), rate });
      },
      verdict: (verdict) => this.#judged(verdict),
      payload: (payload) => this.#send(payload),
    });
    return (samples) => {
      const sound = down.push(samples);
      if (!this.#paused) capture.push(sound, now(), this.#active, this.#voices.of(this.#epoch));
    };
  }

  /** Frames that are on their way as it ends are closed by the stream. */
  #watch(frames: ReadableStream<VideoFrame> | null): void {
    this.#camera.abort();
    this.#camera = new AbortController();
    const { signal } = this.#camera;
    const write = (frame: VideoFrame) => this.#see(frame);
    void frames?.pipeTo(new WritableStream({ write }), { signal }).catch(() => undefined);
  }

  async #see(frame: VideoFrame): Promise<void> {
    const media = this.#frames.at(frame.timestamp / 1000, now());
    const tools = this.#faces.of(this.#epoch);
    const learns = this.#learnsPictures();
    if (this.#learner && !this.#paused && this.#learning.picture(now(), learns)) {
      scope.postMessage({ type: "slowLearner" });
    }
    // Frames of a camera are few: each is given back at once.
    const picture = !this.#paused && (tools || learns) ? await this.#pixels.read(frame) : null;
    frame.close();
    if (!picture) return;
    this.#teachPicture(picture, false);
    const encoded = this.#timed(() => this.#face.push(picture, media, this.#active, tools, this.#pace.perBlock));
    if (!tools || !this.#active) this.#pace.pause();
    else if (encoded) this.#pace.picture(now());
  }

  #timed<Done>(work: () => Done): Done {
    const began = now();
    const done = work();
    this.#pace.spend(now() - began);
    return done;
  }

  #learnsPictures(): boolean {
    return this.#learner !== null && this.#unlearned < MAX_UNLEARNED;
  }

  #teachPicture(picture: Picture, missed: boolean): void {
    if (!this.#learnsPictures()) return;
    this.#unlearned++;
    this.#teach({ type: "picture", ...picture, missed });
  }

  #teach(media: LearnerMedia): void {
    this.#learner?.postMessage(media);
  }

  /** A face that can only be shown now and then is left to raw media. */
  #judged(verdict: GateState): void {
    const state = this.#gate.observe(this.#pace.isTooSlow(now()) ? "red" : verdict);
    if (state) scope.postMessage({ type: "gate", state });
  }

  /** Says that there is nothing to say: it is muted, or the gate lets nothing through. */
  #stayAlive(): void {
    // Of a time as that of the blocks that are sent now.
    const media = now() - FRAME_MS;
    const own = (this.#sound ? this.#voices : this.#faces).of(this.#epoch);
    if (!own || !this.#active || now() - this.#sentAt < ALIVE_MS) return;
    const activity = this.#sound ? { level: 15, talking: false } : null;
    const { plugin, epoch } = own;
    this.#send({ media, plugin, epoch, activity, payload: new Uint8Array(0) });
  }

  #send({ media, plugin, epoch, activity, payload }: VoicePayload): void {
    const entry: EntryMessage = { media, entry: { plugin, epoch, activity, payload } };
    this.#entries.postMessage(entry);
    this.#sentAt = now();
  }
}

/** The mean of all channels. */
function monoOf(piece: AudioData): Float32Array {
  const { numberOfChannels: channels, numberOfFrames } = piece;
  const mono = new Float32Array(numberOfFrames);
  const one = new Float32Array(numberOfFrames);
  for (let planeIndex = 0; planeIndex < channels; planeIndex++) {
    piece.copyTo(one, { planeIndex, format: "f32-planar" });
    one.forEach((sample, at) => {
      mono[at] = (mono[at] ?? 0) + sample / channels;
    });
  }
  return mono;
}
