import type { Form } from "./signal.js";
import type { Slot } from "./slots.js";

/** What a slot receives now. Rates are over the time since the last call, at least 250 ms. */
export interface SlotStats {
  mid: string;
  kind: "audio" | "video";
  /** Whose media it is: the participant's id; `null` for an empty slot. */
  participant: string | null;
  form: Form | null;
  /** Pixels; 0 for audio. */
  width: number;
  height: number;
  /** Decoded frames per second; 0 for audio. */
  fps: number;
  /** Payload, bit/s. */
  bitrate: number;
  /** Packets that never came, of `packetsReceived + packetsLost`, since the connection began. */
  packetsLost: number;
  packetsReceived: number;
  /** Lost packets of those since the last call, 0 to 1. */
  lossRate: number;
  /** Freezes as the browser counts them, since the connection began. */
  freezes: number;
  /** Mean time that what was played since the last call waited in the jitter buffer, ms. */
  jitterBufferMs: number;
  /** Frames decoded since the connection began; 0 for audio. */
  framesDecoded: number;
  /** Loudness of what is played, 0 to 1; 0 for video. */
  audioLevel: number;
  /** As in the SDP, for example `video/VP8`; empty while nothing came. */
  codec: string;
  /** Since the connection began: time for which the picture stood still, ms; 0 for audio. */
  frozenMs: number;
  /** Video frames that came whole. */
  framesReceived: number;
  /** Samples of sound that were played; those of them that were made up for lost ones, without
   * those made up in silence. */
  samplesReceived: number;
  samplesConcealed: number;
  /** Packets asked for again, how often a keyframe was, and packets that came by repair. */
  nacks: number;
  keyframesAsked: number;
  packetsRepaired: number;
}

/** Rates over less than this are noise: the last ones are given again. */
const MIN_INTERVAL_MS = 250;

/** The audio output, which TypeScript's types lack. */
interface MediaPlayout extends RTCStats {
  totalPlayoutDelay?: number;
  totalSamplesCount?: number;
}

/** The same of received streams. */
interface Inbound extends RTCInboundRtpStreamStats {
  retransmittedPacketsReceived?: number;
  totalFreezesDuration?: number;
}

interface Sample {
  report: Inbound;
  stats: SlotStats;
}

/** Reads the statistics of all slots at once. Keeps the last sample of each. */
export class StatsReader {
  #last = new Map<string, Sample>();
  #output: MediaPlayout | null = null;
  #outputMs = 0;

  /** From the jitter buffers to the loudspeaker, ms, as of the last `read`; 0 if unknown. */
  get outputMs(): number {
    return this.#outputMs;
  }

  async read(pc: RTCPeerConnection, slots: readonly Slot[]): Promise<SlotStats[]> {
    const inbound = new Map<string, Inbound>();
    const all = (await pc.getStats()) as ReadonlyMap<string, RTCStats>;
    for (const report of all.values()) {
      const { mid } = report as Inbound;
      if (report.type === "inbound-rtp" && mid) inbound.set(mid, report as Inbound);
      if ((report.type as string) === "media-playout") this.#readOutput(report);
    }
    const last = this.#last;
    this.#last = new Map();
    return slots.map((slot) => {
      const mid = slot.mid ?? "";
      const report = inbound.get(mid);
      const codec = all.get(report?.codecId ?? "") as { mimeType?: string } | undefined;
      const sample = report ? next(slot, report, last.get(mid), codec?.mimeType ?? "") : null;
      if (sample) this.#last.set(mid, sample);
      return sample?.stats ?? { ...EMPTY, mid, ...identity(slot) };
    });
  }

  #readOutput(report: MediaPlayout): void {
    const before = this.#output;
    this.#output = report;
    const samples = (report.totalSamplesCount ?? 0) - (before?.totalSamplesCount ?? 0);
    const delay = (report.totalPlayoutDelay ?? 0) - (before?.totalPlayoutDelay ?? 0);
    if (samples > 0) this.#outputMs = (delay / samples) * 1000;
  }
}

const EMPTY: Omit<SlotStats, "mid" | "kind" | "participant" | "form"> = {
  width: 0,
  height: 0,
  fps: 0,
  bitrate: 0,
  packetsLost: 0,
  packetsReceived: 0,
  lossRate: 0,
  freezes: 0,
  jitterBufferMs: 0,
  framesDecoded: 0,
  audioLevel: 0,
  codec: "",
  frozenMs: 0,
  framesReceived: 0,
  samplesReceived: 0,
  samplesConcealed: 0,
  nacks: 0,
  keyframesAsked: 0,
  packetsRepaired: 0,
};

function identity(slot: Slot): Pick<SlotStats, "kind" | "participant" | "form"> {
  const { kind, content } = slot;
  return { kind, participant: content?.participant ?? null, form: content ? "raw" : null };
}

function next(slot: Slot, report: Inbound, last: Sample | undefined, codec: string): Sample {
  const before = last?.report;
  const elapsed = before ? report.timestamp - before.timestamp : 0;
  const fresh = last === undefined || elapsed >= MIN_INTERVAL_MS;
  const delta = (read: (from: Inbound) => number | undefined) =>
    before ? Math.max(0, (read(report) ?? 0) - (read(before) ?? 0)) : 0;
  const seconds = elapsed / 1000;
  const perSecond = (count: number) => (seconds > 0 ? count / seconds : 0);
  const lost = delta((from) => from.packetsLost);
  const emitted = delta((from) => from.jitterBufferEmittedCount);
  const waited = delta((from) => from.jitterBufferDelay);
  const rates = fresh
    ? {
        fps: perSecond(delta((from) => from.framesDecoded)),
        bitrate: perSecond(delta((from) => from.bytesReceived) * 8),
        lossRate: lost / Math.max(1, lost + delta((from) => from.packetsReceived)),
        jitterBufferMs: emitted > 0 ? (waited / emitted) * 1000 : 0,
      }
    : {
        fps: last.stats.fps,
        bitrate: last.stats.bitrate,
        lossRate: last.stats.lossRate,
        jitterBufferMs: last.stats.jitterBufferMs,
      };
  const stats: SlotStats = {
    mid: slot.mid ?? "",
    ...identity(slot),
    width: report.frameWidth ?? 0,
    height: report.frameHeight ?? 0,
    ...rates,
    packetsLost: report.packetsLost ?? 0,
    packetsReceived: report.packetsReceived ?? 0,
    freezes: report.freezeCount ?? 0,
    framesDecoded: report.framesDecoded ?? 0,
    audioLevel: report.audioLevel ?? 0,
    codec,
    frozenMs: (report.totalFreezesDuration ?? 0) * 1000,
    framesReceived: report.framesReceived ?? 0,
    samplesReceived: report.totalSamplesReceived ?? 0,
    samplesConcealed: (report.concealedSamples ?? 0) - (report.silentConcealedSamples ?? 0),
    nacks: report.nackCount ?? 0,
    keyframesAsked: report.pliCount ?? 0,
    packetsRepaired: report.retransmittedPacketsReceived ?? 0,
  };
  return { report: fresh ? report : last.report, stats };
}
