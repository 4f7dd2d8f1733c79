import { beforeEach, describe, expect, test } from "vitest";
import { Publication } from "../../src/sdk/publication.js";
import type { PublicationOwner, PublishOptions } from "../../src/sdk/publication.js";
import type { VoiceFormat } from "../../src/sdk/voice.js";

/** A track of which the size can be set. */
class FakeTrack {
  enabled = true;
  contentHint = "";
  width = 1280;
  height = 720;
  getSettings() {
    return { width: this.width, height: this.height };
  }
}

/** An m-line whose sender takes everything. */
function line(mid: string, rids: readonly string[]) {
  let encodings: RTCRtpEncodingParameters[] = rids.length > 0 ? rids.map((rid) => ({ rid })) : [{}];
  const sender = {
    replaceTrack: async () => undefined,
    getParameters: () => ({ encodings: structuredClone(encodings), codecs: [{ mimeType: "video/VP8" }] }),
    setParameters: async (parameters: RTCRtpSendParameters) => {
      encodings = structuredClone(parameters.encodings);
    },
    sent: () => encodings.flatMap(({ active, rid }) => (active ? [rid ?? "-"] : [])),
    bitrate: () => encodings[0]?.maxBitrate,
  };
  return { mid, sender };
}

describe("a publication", () => {
  let told: string[];
  let voices: VoiceFormat[];
  let own: ReturnType<typeof line>;
  let track: FakeTrack;

  beforeEach(() => {
    told = [];
    voices = [];
    track = new FakeTrack();
  });

  async function publish(options: PublishOptions, rids = ["q", "h", "f"]): Promise<Publication> {
    own = line("1", rids);
    const layers = ({ layers }: Publication) => layers.map(({ rid, height }) => `${rid} ${height}`).join();
    const owner: PublicationOwner = {
      line: () => own as unknown as RTCRtpTransceiver,
      trackChanged: () => undefined,
      takesLayers: () => rids.length > 1,
      announce: (publication) => told.push(`publish ${layers(publication)}`),
      announceMute: ({ muted }) => told.push(muted ? "mute" : "unmute"),
      announceLayers: (publication, node) => node && told.push(`layers ${layers(publication)}`),
      shapeVoice: async (_, format) => void voices.push(format),
      withdraw: () => told.push("unpublish"),
    };
    const publication = new Publication(owner, track as unknown as MediaStreamTrack, options, {
      encrypted: false,
      codec: "vp8",
    });
    await publication.attach();
    publication.stop();
    return publication;
  }

  test("tells its layers, and sends what is wanted of them", async () => {
    const camera = await publish({ source: "camera" });
    expect(told).toEqual(["publish q 180,h 360,f 720"]);
    await camera.demand([{ rid: "f", active: false }], null);
    expect(own.sender.sent()).toEqual(["q", "h"]);
    expect(camera.layers.map(({ active }) => active)).toEqual([true, true, false]);
  });

  test("muting stops all layers, and unmuting starts those that are wanted by then", async () => {
    const camera = await publish({ source: "camera" });
    await camera.setMuted(true);
    expect(own.sender.sent()).toEqual([]);
    await camera.demand([{ rid: "h", active: false }], null);
    expect(own.sender.sent()).toEqual([]);
    await camera.setMuted(false);
    expect(own.sender.sent()).toEqual(["q", "f"]);
    expect(told.slice(1)).toEqual(["mute", "unmute"]);
  });

  test("a demand without a tag is for the only encoding", async () => {
    const camera = await publish({ source: "camera" }, []);
    await camera.demand([{ active: false }], null);
    expect(own.sender.sent()).toEqual([]);
    await camera.demand([{ active: true }], null);
    expect(own.sender.sent()).toEqual(["-"]);
  });

  test("another capture size is told, the same size is not", async () => {
    const camera = await publish({ source: "camera" });
    const small = new FakeTrack();
    Object.assign(small, { width: 360, height: 640 });
    await camera.replaceTrack(small as unknown as MediaStreamTrack);
    await camera.replaceTrack(small as unknown as MediaStreamTrack);
    expect(told.slice(1)).toEqual(["layers q 320,h 640"]);
    expect(own.sender.sent()).toEqual(["q", "h"]);
  });

  test("a new connection knows nothing of the demands of the last one", async () => {
    const camera = await publish({ source: "camera" });
    await camera.demand([{ rid: "q", active: false }], null);
    await camera.attach();
    camera.stop();
    expect(own.sender.sent()).toEqual(["q", "h", "f"]);
  });

  test("a voice is shaped as the node wants, within the publisher's own limit", async () => {
    const voice = await publish({ source: "microphone" }, []);
    expect(own.sender.bitrate()).toBe(32_000);
    await voice.demand([], { maxBitrate: 10_000, packetTime: 60, dtx: true, red: false });
    expect(own.sender.bitrate()).toBe(10_000);
    expect(voices).toEqual([{ packetTime: 60, dtx: true, red: false }]);
    await voice.demand([], { packetTime: 20, dtx: false, red: true });
    expect(own.sender.bitrate()).toBe(32_000);
    expect(voices.at(-1)).toEqual({ packetTime: 20, dtx: false, red: true });
  });
});
