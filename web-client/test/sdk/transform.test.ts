import { expect, test } from "vitest";
import { DEPENDENCY_DESCRIPTOR, withDependencyDescriptor } from "../../src/sdk/transform.js";

const OFFER = [
  "v=0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:0",
  "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "a=sendonly",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:1",
  "a=extmap:2 urn:3gpp:video-orientation",
  "a=sendonly",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:2",
  "a=recvonly",
  "",
].join("\r\n");

test("the dependency descriptor goes on each video m-line, under one free id", () => {
  const lines = withDependencyDescriptor(OFFER).split("\r\n");
  const added = lines.filter((line) => line.includes(DEPENDENCY_DESCRIPTOR));
  expect(added).toEqual([
    `a=extmap:3 ${DEPENDENCY_DESCRIPTOR}`,
    `a=extmap:3 ${DEPENDENCY_DESCRIPTOR}`,
  ]);
  expect(lines.indexOf(added[0] ?? "")).toBeGreaterThan(lines.indexOf("a=mid:1"));
});

test("an offer that has it already stays as it is", () => {
  const once = withDependencyDescriptor(OFFER);
  expect(withDependencyDescriptor(once)).toBe(once);
});
