/** A video codec that a publisher can ask for. */
export type VideoCodec = "vp8" | "vp9" | "h264" | "av1";

/** All of them, in the order in which they are offered when nothing else is asked for. */
const VIDEO: readonly VideoCodec[] = ["vp8", "vp9", "h264", "av1"];
/** RED carries earlier packets along (RFC 2198); the node says when it is wanted. */
const AUDIO = ["audio/opus", "audio/red"];

/** The parts of a codec's description that we go by. */
export interface CodecDescription {
  mimeType: string;
  sdpFmtpLine?: string;
}

/**
 * Which of a browser's codecs are offered, most wanted first; their retransmission formats go with
 * them. One profile each: an offer of all would be several times as long, with nothing gained.
 */
export function offeredCodecs<Codec extends CodecDescription>(
  kind: "audio" | "video",
  known: readonly Codec[],
  first: VideoCodec,
): Codec[] {
  if (kind === "audio") {
    return AUDIO.flatMap((name) => known.filter(({ mimeType }) => same(mimeType, name)));
  }
  const order = [first, ...VIDEO.filter((codec) => codec !== first)];
  const codecs = order.flatMap((codec) => videoCodec(known, codec) ?? []);
  const rtx = known.filter(({ mimeType }) => same(mimeType, "video/rtx"));
  return codecs.length === 0 ? [] : [...codecs, ...rtx];
}

/** The one of `known` that is meant by `codec`: of several profiles, the one everybody decodes. */
export function videoCodec<Codec extends CodecDescription>(
  known: readonly Codec[],
  codec: VideoCodec,
): Codec | undefined {
  const profiles = known.filter(({ mimeType }) => same(mimeType, `video/${codec}`));
  const having = (pattern: RegExp) =>
    profiles.find(({ sdpFmtpLine }) => pattern.test(sdpFmtpLine ?? ""));
  switch (codec) {
    case "vp8":
      return profiles[0];
    // One that names no profile is of profile 0.
    case "vp9":
      return having(/profile-id=0/) ?? having(/^(?!.*profile-id=)/);
    case "av1":
      return having(/profile=0/) ?? having(/^(?!.*profile=)/);
    case "h264": {
      // Constrained baseline in several packets a frame (RFC 6184 section 6).
      const split = profiles.filter(({ sdpFmtpLine }) => /packetization-mode=1/.test(sdpFmtpLine ?? ""));
      return (
        split.find(({ sdpFmtpLine }) => /profile-level-id=42e0/i.test(sdpFmtpLine ?? "")) ??
        split.find(({ sdpFmtpLine }) => /profile-level-id=42/.test(sdpFmtpLine ?? ""))
      );
    }
  }
}

/** The first of `known` that is a video codec of ours. */
export function firstCodec(known: readonly CodecDescription[]): VideoCodec | undefined {
  const names = known.map(({ mimeType }) => mimeType.toLowerCase().replace("video/", ""));
  return VIDEO.find((codec) => codec === names.find((name) => (VIDEO as readonly string[]).includes(name)));
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
