import { expect, test } from "vitest";
import { slimOffer } from "../../src/sdk/slim.js";

/** A slot as Chromium 156 offers it, but for the codecs of three more kinds. */
const SLOT = [
  "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
  "c=IN IP4 0.0.0.0",
  "a=rtcp:9 IN IP4 0.0.0.0",
  "a=candidate:1817830278 1 udp 2113937151 10.0.0.7 37931 typ host generation 0",
  "a=ice-ufrag:aalD",
  "a=setup:actpass",
  "a=mid:16",
  "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset",
  "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid",
  "a=recvonly",
  "a=rtcp-mux",
  "a=rtcp-xr:rcvr-rtt=all",
  "a=rtpmap:96 VP8/90000",
  "a=rtcp-fb:96 goog-remb",
  "a=rtcp-fb:96 transport-cc",
  "a=rtcp-fb:96 ccm fir",
  "a=rtcp-fb:96 nack",
  "a=rtcp-fb:96 nack pli",
  "a=rtpmap:97 rtx/90000",
  "a=fmtp:97 apt=96",
  "",
].join("\r\n");

test("the node is told what it reads, in the same words and order", () => {
  expect(slimOffer(SLOT).split("\r\n")).toEqual([
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:aalD",
    "a=setup:actpass",
    "a=mid:16",
    "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=recvonly",
    "a=rtcp-mux",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 transport-cc",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "",
  ]);
});
