/** How Opus packets of one m-line are to be made. */
export interface VoiceFormat {
  /** Length of a packet, ms. */
  packetTime: number;
  /** Whether silence is not sent (discontinuous transmission). */
  dtx: boolean;
  /** Whether packets carry their predecessors (RED, RFC 2198). */
  red: boolean;
}

/**
 * What is used where nobody asks for anything else. Without discontinuous transmission: the level
 * of a room is then known all the time, the first syllable is never late, and lost packets are
 * told from silence. What silence costs is little; the node asks for it where a line is short.
 */
export const PLAIN_VOICE: VoiceFormat = { packetTime: 20, dtx: false, red: false };

/**
 * The offer with generic NACK (RFC 4585) for every Opus format. Browsers resend audio where it was
 * negotiated, but do not offer it by themselves.
 */
export function withOpusRepair(sdp: string): string {
  return sdp.replace(/^a=rtpmap:(\d+) opus\/48000.*\r\n/gim, (line, format: string) => {
    const known = new RegExp(`^a=rtcp-fb:${format} nack\\r$`, "m").test(sdp);
    return known ? line : `${line}a=rtcp-fb:${format} nack\r\n`;
  });
}

/** Whether two formats are the same. */
export function sameVoice(a: VoiceFormat, b: VoiceFormat): boolean {
  return a.packetTime === b.packetTime && a.dtx === b.dtx && a.red === b.red;
}

/**
 * The answer as if the node had asked for this format on m-line `mid`: browsers take the length of
 * packets (`ptime`), `usedtx` (RFC 7587 section 6.1) and whether RED comes before Opus from the
 * answer alone. In Chromium 156 a sender that is told RED by `encodings[].codec` does not send it.
 */
export function withVoiceFormat(sdp: string, mid: string, format: VoiceFormat): string {
  const { packetTime, dtx, red } = format;
  return sdp
    .split(/^(?=m=)/m)
    .map((section) => {
      if (!section.split("\r\n").includes(`a=mid:${mid}`)) return section;
      const opus = /^a=rtpmap:(\d+) opus\/48000/im.exec(section)?.[1];
      if (!opus) return section;
      const bare = section.replace(/^a=(?:max)?ptime:.*\r\n/gm, "");
      return `${withRed(withDtx(bare, opus, dtx), opus, red)}a=ptime:${packetTime}\r\n`;
    })
    .join("");
}

/** RED before or behind the Opus format that it carries. */
function withRed(section: string, opus: string, first: boolean): string {
  const red = /^a=rtpmap:(\d+) red\/48000/im.exec(section)?.[1];
  if (!red) return section;
  return section.replace(/^(m=audio \S+ \S+)((?: \d+)+)/, (_line, head: string, list: string) => {
    const others = list.trim().split(" ").filter((format) => format !== red && format !== opus);
    return [head, ...(first ? [red, opus] : [opus, red]), ...others].join(" ");
  });
}

function withDtx(section: string, format: string, dtx: boolean): string {
  const line = new RegExp(`^a=fmtp:${format} (.*)\\r\\n`, "m");
  const parameters = (line.exec(section)?.[1] ?? "minptime=10;useinbandfec=1")
    .split(";")
    .filter((parameter) => !parameter.trim().startsWith("usedtx="));
  if (dtx) parameters.push("usedtx=1");
  const written = `a=fmtp:${format} ${parameters.join(";")}\r\n`;
  if (line.test(section)) return section.replace(line, written);
  return section.replace(new RegExp(`^a=rtpmap:${format} .*\\r\\n`, "m"), (map) => map + written);
}
