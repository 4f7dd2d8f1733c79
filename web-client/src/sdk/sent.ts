import type { Publication } from "./publication.js";
import type { Source } from "./signal.js";

/** What one layer of a publication sends now. Rates are over the time since the last call. */
export interface SentStats {
  source: Source;
  mid: string;
  /** Simulcast tag; `null` without simulcast. */
  rid: string | null;
  /** Whether it is sent at all. */
  active: boolean;
  /** As in the SDP, for example `video/VP8`; empty while nothing was sent. */
  codec: string;
  scalabilityMode: string | null;
  /** Pixels; 0 for audio, and while nothing was encoded. */
  width: number;
  height: number;
  /** Frames sent per second; 0 for audio. */
  fps: number;
  /** Payload, bit/s, without what is sent again or to probe the line. */
  bitrate: number;
  /** The rest. */
  repairBitrate: number;
  packetsPerSecond: number;
  /** What holds the encoder back: `none`, `cpu`, `bandwidth`, `other`. */
  limitation: string;
  /** Since the connection began. */
  framesEncoded: number;
  packetsSent: number;
  packetsResent: number;
  nacks: number;
  keyframesAsked: number;
}

/** What TypeScript's types lack. */
interface Outbound extends RTCOutboundRtpStreamStats {
  active?: boolean;
  scalabilityMode?: string;
}

/** Reads the statistics of all publications at once. Keeps the last sample of each layer. */
export class SentReader {
  #last = new Map<string, Outbound>();

  async read(pc: RTCPeerConnection, publications: readonly Publication[]): Promise<SentStats[]> {
    const all = (await pc.getStats()) as ReadonlyMap<string, RTCStats>;
    const last = this.#last;
    this.#last = new Map();
    const sent: SentStats[] = [];
    for (const report of all.values()) {
      if (report.type !== "outbound-rtp") continue;
      const outbound = report as Outbound;
      const publication = publications.find(({ mid }) => mid === outbound.mid);
      if (!publication) continue;
      this.#last.set(report.id, outbound);
      const codec = all.get(outbound.codecId ?? "") as { mimeType?: string } | undefined;
      const layer = publication.layers.find(({ rid }) => rid === (outbound.rid ?? null));
      sent.push({
        ...sentBy(outbound, last.get(report.id)),
        source: publication.source,
        // Not every browser says.
        active: outbound.active ?? layer?.active ?? !publication.muted,
        codec: codec?.mimeType ?? "",
      });
    }
    const rank = ({ source, width }: SentStats) => [source, width] as const;
    return sent.sort((a, b) => {
      const [[left, small], [right, large]] = [rank(a), rank(b)];
      return left.localeCompare(right) || small - large;
    });
  }
}

function sentBy(now: Outbound, before: Outbound | undefined): Omit<SentStats, "source" | "active" | "codec"> {
  const seconds = before ? (now.timestamp - before.timestamp) / 1000 : 0;
  const rate = (read: (from: Outbound) => number | undefined) =>
    before && seconds > 0 ? Math.max(0, (read(now) ?? 0) - (read(before) ?? 0)) / seconds : 0;
  return {
    mid: now.mid ?? "",
    rid: now.rid ?? null,
    scalabilityMode: now.scalabilityMode ?? null,
    width: now.frameWidth ?? 0,
    height: now.frameHeight ?? 0,
    // Not of `framesEncoded`, which counts each spatial layer of a scalable codec.
    fps: now.active === false ? 0 : (now.framesPerSecond ?? 0),
    bitrate: rate((from) => (from.bytesSent ?? 0) - (from.retransmittedBytesSent ?? 0)) * 8,
    repairBitrate: rate((from) => from.retransmittedBytesSent) * 8,
    packetsPerSecond: rate((from) => from.packetsSent),
    limitation: now.qualityLimitationReason ?? "none",
    framesEncoded: now.framesEncoded ?? 0,
    packetsSent: now.packetsSent ?? 0,
    packetsResent: now.retransmittedPacketsSent ?? 0,
    nacks: now.nackCount ?? 0,
    keyframesAsked: now.pliCount ?? 0,
  };
}
