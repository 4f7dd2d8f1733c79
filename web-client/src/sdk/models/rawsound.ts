import { latencyOf } from "../playout.js";
import type { Slot } from "../slots.js";
import type { SoundOutput } from "./output.js";

/**
 * From a receiver to the audio graph, ms. In Chromium 156 a receiver says up to 20 less than it takes;
 * with this, what a person says is measured at the same moment in both forms.
 */
const GRAPH_MS = 21;
/** A receiver that delivered nothing new for so long delivers nothing, ms. */
const FRESH_MS = 90;
/** How often jitter buffers are read, ms: costs more. */
const STATS_MS = 500;

/** What a slot delivers now. */
export interface RawSoundState {
  /** Whether packets are being played. */
  alive: boolean;
  /** From capture to ear on the node's clock, ms; `null`: not known. */
  latency: number | null;
  /** Time in the jitter buffer, ms. */
  wait: number;
}

interface Source {
  readonly track: MediaStreamTrack;
  readonly node: MediaStreamAudioSourceNode;
  /** Chromium delivers the sound of a connection to a graph only while an element plays it too. */
  readonly element: HTMLAudioElement;
  to: AudioNode;
  rtpTimestamp: number | null;
  changedAt: number;
  wait: number;
  counted: { delay: number; emitted: number };
}

/** The sound of slots as it comes, in the audio graph. */
export class RawSound {
  readonly #output: SoundOutput;
  readonly #sources = new Map<Slot, Source>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(output: SoundOutput) {
    this.#output = output;
    this.#timer = setInterval(() => void this.#readWaits(), STATS_MS);
  }

  /**
   * Where each slot's sound goes: into a person's node, or (`null`) straight to the output. A slot
   * that nobody is in any more (`undefined`) goes on where it was: its last sound may still be fading.
   */
  route(wanted: readonly { slot: Slot; to: AudioNode | null | undefined }[]): void {
    for (const [slot, source] of this.#sources) {
      if (wanted.some((one) => one.slot === slot) && slot.track === source.track) continue;
      close(source);
      this.#sources.delete(slot);
    }
    for (const { slot, to } of wanted) {
      const source = this.#sources.get(slot) ?? this.#open(slot);
      const goal = to === undefined ? source.to : (to ?? this.#output.input);
      if (source.to === goal) continue;
      source.node.disconnect();
      source.node.connect(goal);
      source.to = goal;
    }
  }

  /** This node is no more. */
  release(node: AudioNode): void {
    for (const source of this.#sources.values()) {
      if (source.to !== node) continue;
      source.node.disconnect();
      source.node.connect(this.#output.input);
      source.to = this.#output.input;
    }
  }

  /** What comes out of a slot now. */
  measure(slot: Slot): RawSoundState {
    const source = this.#sources.get(slot);
    const [newest] = slot.receiver
      .getSynchronizationSources()
      .sort((a, b) => b.timestamp - a.timestamp);
    if (!source || !newest) return { alive: false, latency: null, wait: 0 };
    const now = performance.now();
    if (newest.rtpTimestamp !== source.rtpTimestamp) {
      source.changedAt = now;
      source.rtpTimestamp = newest.rtpTimestamp;
    }
    // Chromium counts from 1970, others from the page's own origin.
    const origin = newest.timestamp < performance.timeOrigin / 2 ? performance.timeOrigin : 0;
    const at = origin + newest.timestamp + GRAPH_MS + this.#output.latency;
    const { rtpTimestamp } = newest;
    return {
      alive: now - source.changedAt < FRESH_MS && slot.content !== null,
      latency: latencyOf("audio", slot.content, { rtpTimestamp, at }),
      wait: source.wait,
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const source of this.#sources.values()) close(source);
    this.#sources.clear();
  }

  #open(slot: Slot): Source {
    const stream = new MediaStream([slot.track]);
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    element.play().catch(() => undefined);
    const node = this.#output.context.createMediaStreamSource(stream);
    node.connect(this.#output.input);
    const source: Source = {
      track: slot.track,
      node,
      element,
      to: this.#output.input,
      rtpTimestamp: null,
      changedAt: Number.NEGATIVE_INFINITY,
      wait: 0,
      counted: { delay: 0, emitted: 0 },
    };
    this.#sources.set(slot, source);
    return source;
  }

  async #readWaits(): Promise<void> {
    for (const [slot, source] of this.#sources) {
      const reports = (await slot.receiver.getStats()) as ReadonlyMap<string, RTCStats>;
      for (const report of reports.values()) {
        if (report.type !== "inbound-rtp") continue;
        const { jitterBufferDelay = 0, jitterBufferEmittedCount = 0 } =
          report as RTCInboundRtpStreamStats;
        const emitted = jitterBufferEmittedCount - source.counted.emitted;
        if (emitted > 0) source.wait = ((jitterBufferDelay - source.counted.delay) / emitted) * 1000;
        source.counted = { delay: jitterBufferDelay, emitted: jitterBufferEmittedCount };
      }
    }
  }
}

function close({ node, element }: Source): void {
  node.disconnect();
  element.srcObject = null;
}
