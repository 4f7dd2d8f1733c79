import type {
  CaptureCommand,
  CaptureReport,
  LearnerCommand,
  LearnerReport,
} from "./capture.protocol.js";
import CaptureWorker from "./capture.worker.js?worker&inline";
import type { GateState } from "./gatewatch.js";
import LearnerWorker from "./learner.worker.js?worker&inline";
import { watchCamera, watchMicrophone } from "./media.js";

/** What a capture tells. */
export interface CaptureListener {
  gate(state: GateState): void;
  progress(progress: number): void;
  /** A model was learned; it is in use as soon as `use` is called with it. */
  model(model: LearnedModel): void;
  /** A block of sound began at this media time. */
  phase(media: number): void;
  /** This device learns too slowly. */
  slowLearner(): void;
}

/** A model of one's own. */
export interface LearnedModel {
  epoch: number;
  hash: string;
  container: ArrayBuffer;
  /** What makes it of the one before; `null`: it is the first. */
  delta: ArrayBuffer | null;
}

/** One source of one's own on its way to model packets: a worker that encodes, one that learns. */
export class SourceCapture {
  readonly plugin: number;
  readonly #module: WebAssembly.Module;
  readonly #listener: CaptureListener;
  readonly #context: AudioContext;
  readonly #worker = new CaptureWorker();
  #learner: Worker | null = null;
  #stopMedia: () => void = () => undefined;
  #track: MediaStreamTrack | null = null;

  /** `entries`: where payloads go; `context`: in which a microphone is read. */
  constructor(
    plugin: number,
    module: WebAssembly.Module,
    entries: MessagePort,
    context: AudioContext,
    listener: CaptureListener,
  ) {
    this.plugin = plugin;
    this.#module = module;
    this.#context = context;
    this.#listener = listener;
    this.#worker.onmessage = ({ data }: MessageEvent<CaptureReport>) => {
      if (data.type === "gate") listener.gate(data.state);
      else if (data.type === "phase") listener.phase(data.media);
      else if (data.type === "slowLearner") listener.slowLearner();
    };
    this.#tell({ type: "start", module, plugin, entries }, [entries]);
  }

  /** Takes its media from this track; `null`: from none. */
  setTrack(track: MediaStreamTrack | null): void {
    if (track === this.#track) return;
    this.#stopMedia();
    this.#stopMedia = () => undefined;
    this.#track = track;
    if (!track) return;
    this.#stopMedia =
      track.kind === "video"
        ? watchCamera(track, (command, transfer) => this.#tell(command, transfer))
        : watchMicrophone(track, this.#context, (command, transfer) => this.#tell(command, transfer));
  }

  /** Whether anybody needs it, and in which epoch; nothing is encoded, judged or learned while muted. */
  demand(active: boolean, epoch: number | null, muted: boolean): void {
    this.#tell({ type: "demand", active, epoch });
    this.#tell({ type: "pause", on: muted });
  }

  /** Learns, beginning with this epoch. */
  learn(epoch: number): void {
    if (this.#learner) return;
    const { port1, port2 } = new MessageChannel();
    const learner = new LearnerWorker();
    learner.onmessage = ({ data }: MessageEvent<LearnerReport>) => {
      if (data.type === "progress") this.#listener.progress(data.progress);
      else this.#listener.model(data);
    };
    const { plugin } = this;
    const command: LearnerCommand = { type: "start", module: this.#module, plugin, epoch, media: port1 };
    learner.postMessage(command, [port1]);
    this.#tell({ type: "learn", port: port2 }, [port2]);
    this.#learner = learner;
  }

  stopLearning(): void {
    if (!this.#learner) return;
    this.#learner.terminate();
    this.#learner = null;
    this.#tell({ type: "learn", port: null });
  }

  /** Encodes with this model when its epoch is asked for. */
  use(container: ArrayBuffer): void {
    this.#tell({ type: "model", container });
  }

  /** Pictures are cut into blocks like this sound. */
  setPhase(media: number): void {
    this.#tell({ type: "phase", media });
  }

  stop(): void {
    this.setTrack(null);
    this.#learner?.terminate();
    this.#tell({ type: "stop" });
  }

  #tell(command: CaptureCommand, transfer: Transferable[] = []): void {
    this.#worker.postMessage(command, transfer);
  }
}
