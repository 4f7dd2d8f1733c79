import { DEPENDENCY_DESCRIPTOR } from "./transform.js";

/** The header extensions that the node knows. */
const EXTENSIONS = [
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  DEPENDENCY_DESCRIPTOR,
];

/** Attributes that the node passes over: it learns our addresses from our checks, and needs no REMB. */
const PASSED_OVER = /^a=(candidate:|end-of-candidates|rtcp:|rtcp-xr:|rtcp-fb:\S+ (goog-remb|ccm fir)$)/;

/**
 * The offer as the node is told of it: without the lines that it passes over. In Chromium 156 that is
 * a third of every slot, and more than 24 of them would not fit into a message.
 */
export function slimOffer(sdp: string): string {
  const isRead = (line: string) => {
    const extension = /^a=extmap:\S+ (\S+)/.exec(line)?.[1];
    return extension === undefined ? !PASSED_OVER.test(line) : EXTENSIONS.includes(extension);
  };
  return sdp.split("\r\n").filter(isRead).join("\r\n");
}
