import { describe, expect, test } from "vitest";
import { withOpusRepair, withVoiceFormat } from "../../src/sdk/voice.js";

const SDP = [
  "v=0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
  "a=mid:0",
  "a=rtpmap:111 opus/48000/2",
  "a=rtcp-fb:111 transport-cc",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "a=rtpmap:63 red/48000/2",
  "a=fmtp:63 111/111",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:01",
  "a=rtpmap:111 opus/48000/2",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:2",
  "a=rtpmap:96 VP8/90000",
  "",
].join("\r\n");

function section(sdp: string, at: number): string[] {
  return (sdp.split(/^(?=m=)/m)[at] ?? "").split("\r\n");
}

describe("repair of Opus", () => {
  test("is offered once for every Opus format, and for nothing else", () => {
    const offer = withOpusRepair(withOpusRepair(SDP));
    expect(offer.match(/^a=rtcp-fb:111 nack\r$/gm)).toHaveLength(2);
    expect(offer).not.toMatch(/rtcp-fb:(63|96) nack/);
    expect(section(offer, 1)[3]).toBe("a=rtcp-fb:111 nack");
  });
});

describe("the format of a voice", () => {
  test("is written into its own m-line", () => {
    const answer = withVoiceFormat(SDP, "0", { packetTime: 60, dtx: true, red: false });
    expect(section(answer, 1)).toContain("a=ptime:60");
    expect(section(answer, 1)).toContain("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1");
    expect(section(answer, 1)).toContain("a=fmtp:63 111/111");
    expect(answer.split(/^(?=m=)/m).slice(2)).toEqual(SDP.split(/^(?=m=)/m).slice(2));
  });

  test("puts RED before Opus where it is wanted, and back", () => {
    const redundant = withVoiceFormat(SDP, "0", { packetTime: 20, dtx: false, red: true });
    expect(section(redundant, 1)[0]).toBe("m=audio 9 UDP/TLS/RTP/SAVPF 63 111");
    const plain = withVoiceFormat(redundant, "0", { packetTime: 20, dtx: false, red: false });
    expect(section(plain, 1)[0]).toBe("m=audio 9 UDP/TLS/RTP/SAVPF 111 63");
    const without = withVoiceFormat(SDP, "01", { packetTime: 20, dtx: false, red: true });
    expect(section(without, 2)[0]).toBe("m=audio 9 UDP/TLS/RTP/SAVPF 111");
  });

  test("replaces what was there before", () => {
    const low = withVoiceFormat(SDP, "0", { packetTime: 60, dtx: true, red: false });
    const plain = withVoiceFormat(low, "0", { packetTime: 20, dtx: false, red: false });
    expect(plain).toBe(withVoiceFormat(SDP, "0", { packetTime: 20, dtx: false, red: false }));
    expect(plain).not.toContain("usedtx");
    expect(plain.match(/a=ptime/g)).toHaveLength(1);
  });

  test("finds an m-line without parameters, and leaves video alone", () => {
    const answer = withVoiceFormat(SDP, "01", { packetTime: 60, dtx: true, red: false });
    expect(section(answer, 2)[3]).toBe("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1");
    expect(withVoiceFormat(SDP, "2", { packetTime: 60, dtx: true, red: false })).toBe(SDP);
    expect(withVoiceFormat(SDP, "9", { packetTime: 60, dtx: true, red: false })).toBe(SDP);
  });
});
