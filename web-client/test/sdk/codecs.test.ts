import { describe, expect, test } from "vitest";
import { firstCodec, offeredCodecs, videoCodec } from "../../src/sdk/codecs.js";

/** As Chromium 156 lists them. */
const VIDEO = [
  { mimeType: "video/VP8" },
  { mimeType: "video/rtx" },
  { mimeType: "video/H264", sdpFmtpLine: h264("1", "42001f") },
  { mimeType: "video/H264", sdpFmtpLine: h264("0", "42001f") },
  { mimeType: "video/H264", sdpFmtpLine: h264("1", "42e01f") },
  { mimeType: "video/H264", sdpFmtpLine: h264("1", "4d001f") },
  { mimeType: "video/AV1", sdpFmtpLine: "level-idx=5;profile=0;tier=0" },
  { mimeType: "video/VP9", sdpFmtpLine: "profile-id=0" },
  { mimeType: "video/VP9", sdpFmtpLine: "profile-id=2" },
  { mimeType: "video/red" },
  { mimeType: "video/ulpfec" },
];
const AUDIO = ["audio/red", "audio/opus", "audio/G722"].map((mimeType) => ({ mimeType }));

function h264(mode: string, profile: string): string {
  return `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`;
}

function names(codecs: { mimeType: string }[]): string[] {
  return codecs.map(({ mimeType }) => mimeType);
}

describe("offered codecs", () => {
  test("one profile of each video codec, the wanted one first, and their retransmission", () => {
    const offered = offeredCodecs("video", VIDEO, "av1");
    expect(names(offered)).toEqual(["video/AV1", "video/VP8", "video/VP9", "video/H264", "video/rtx"]);
    expect(offered.find(({ mimeType }) => mimeType === "video/H264")).toBe(VIDEO[4]);
  });

  test("Opus before RED: the node asks for RED when it is needed", () => {
    expect(names(offeredCodecs("audio", AUDIO, "vp8"))).toEqual(["audio/opus", "audio/red"]);
  });

  test("a browser that knows none of them keeps its own order", () => {
    expect(offeredCodecs("video", [{ mimeType: "video/H265" }, { mimeType: "video/rtx" }], "vp8")).toEqual(
      [],
    );
  });
});

test("a codec that was not negotiated is not found", () => {
  expect(videoCodec(VIDEO.slice(0, 2), "vp9")).toBeUndefined();
  expect(videoCodec([{ mimeType: "video/VP9", sdpFmtpLine: "profile-id=2" }], "vp9")).toBeUndefined();
  const firefox = { mimeType: "video/VP9", sdpFmtpLine: "max-fs=12288;max-fr=60" };
  expect(videoCodec([firefox], "vp9")).toBe(firefox);
});

test("without a choice the first codec of an answer is used", () => {
  expect(firstCodec([{ mimeType: "video/rtx" }, { mimeType: "video/H264" }, { mimeType: "video/VP8" }])).toBe(
    "h264",
  );
  expect(firstCodec([])).toBeUndefined();
});
