import { describe, expect, test } from "vitest";
import { EncoderControl } from "../../src/sdk/encoder.js";
import type { Encoding, Wanted, WantedAudio, WantedVideo } from "../../src/sdk/encoder.js";
import { RIDS, planLayers } from "../../src/sdk/layers.js";

const CODECS = [
  { mimeType: "video/VP8", clockRate: 90_000, payloadType: 96 },
  { mimeType: "video/VP9", clockRate: 90_000, payloadType: 98, sdpFmtpLine: "profile-id=0" },
];

/** A sender that takes its time, and refuses what `refuses` says. */
class FakeSender {
  encodings: Encoding[];
  changes = 0;
  keepsCodec = true;
  readonly #refuses: (encodings: Encoding[]) => boolean;

  constructor(rids: readonly string[], refuses: (encodings: Encoding[]) => boolean = () => false) {
    this.encodings = rids.length > 0 ? rids.map((rid) => ({ rid })) : [{}];
    this.#refuses = refuses;
  }

  getParameters(): RTCRtpSendParameters {
    const encodings = structuredClone(this.encodings);
    return { encodings, codecs: CODECS, transactionId: "", headerExtensions: [], rtcp: {} };
  }

  async setParameters(parameters: RTCRtpSendParameters): Promise<void> {
    const encodings: Encoding[] = structuredClone(parameters.encodings);
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#refuses(encodings)) throw new DOMException("no", "InvalidModificationError");
    this.changes++;
    if (!this.keepsCodec) for (const encoding of encodings) delete encoding.codec;
    this.encodings = encodings;
  }

  get active(): string[] {
    return this.encodings.flatMap(({ active, rid }) => (active ? [rid ?? "-"] : []));
  }
}

function video(change: Partial<WantedVideo> = {}): WantedVideo {
  return {
    kind: "video",
    codec: "vp8",
    active: () => true,
    plan: (rids, codec) =>
      planLayers({
        source: "camera",
        size: { width: 1280, height: 720 },
        codec,
        rids,
        several: true,
        motion: false,
        maxBitrate: null,
        maxFramerate: null,
      }),
    degradation: "maintain-framerate",
    ...change,
  };
}

function control(sender: FakeSender, wanted: () => Wanted): EncoderControl {
  return new EncoderControl(() => sender as unknown as RTCRtpSender, wanted);
}

describe("a video sender", () => {
  test("gets each layer in pixels, smallest first", async () => {
    const sender = new FakeSender(RIDS);
    await control(sender, () => video()).apply();
    expect(sender.active).toEqual(["q", "h", "f"]);
    expect(sender.encodings[0]).toMatchObject({
      scaleResolutionDownTo: { maxWidth: 320, maxHeight: 180 },
      scaleResolutionDownBy: 4,
      maxBitrate: 150_000,
    });
  });

  test("ends with what was wanted last, however many changes come while it works", async () => {
    const sender = new FakeSender(RIDS);
    let want: string[] = [];
    const encoder = control(sender, () => video({ active: (rid) => want.includes(rid ?? "") }));
    const turns: Promise<void>[] = [];
    for (const next of [["f"], [], ["q", "h"], ["q"], ["q", "f"]]) {
      want = next;
      turns.push(encoder.apply());
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await Promise.all(turns);
    expect(sender.active).toEqual(["q", "f"]);
    expect(sender.changes).toBeLessThanOrEqual(5);
  });

  test("a change that is asked for the moment the last one ends is made", async () => {
    const sender = new FakeSender(RIDS);
    let active = false;
    const encoder = control(sender, () => video({ active: () => active }));
    const second = encoder.apply().then(() => {
      active = true;
      return encoder.apply();
    });
    await second;
    expect(sender.active).toEqual(["q", "h", "f"]);
  });

  test("falls back to fewer layers where a scalability mode is refused, and says so", async () => {
    const refuses = (encodings: Encoding[]) => encodings[0]?.scalabilityMode === "L3T3_KEY";
    const sender = new FakeSender(RIDS, refuses);
    const encoder = control(sender, () => video({ codec: "vp9" }));
    await encoder.apply();
    expect(sender.active).toEqual(["q"]);
    expect(encoder.layers).toMatchObject([{ rid: "q", width: 1280, scalabilityMode: "L1T3" }]);
    expect(encoder.codec).toBe("vp9");
  });

  test("a codec other than the first one of the answer is named", async () => {
    const sender = new FakeSender(RIDS);
    await control(sender, () => video({ codec: "vp9" })).apply();
    expect(sender.encodings[0]).toMatchObject({
      codec: { mimeType: "video/VP9" },
      scalabilityMode: "L3T3_KEY",
    });
  });

  test("a browser in which a sender has no codec of its own sends the first one", async () => {
    const sender = new FakeSender(RIDS);
    sender.keepsCodec = false;
    const encoder = control(sender, () => video({ codec: "vp9" }));
    await encoder.apply();
    expect(encoder.codec).toBe("vp8");
    expect(sender.active).toEqual(["q", "h", "f"]);
  });

  test("a browser that refuses the codec still sends", async () => {
    const sender = new FakeSender(RIDS, ([first]) => first?.codec !== undefined);
    const encoder = control(sender, () => video({ codec: "vp9" }));
    await encoder.apply();
    expect(encoder.codec).toBe("vp8");
    expect(sender.active).toEqual(["q", "h", "f"]);
  });

  test("a codec that was not negotiated leaves the first one of the answer", async () => {
    const sender = new FakeSender(RIDS);
    const encoder = control(sender, () => video({ codec: "av1" }));
    await encoder.apply();
    expect(encoder.codec).toBe("vp8");
    expect(encoder.layers).toHaveLength(3);
    expect(sender.encodings[0]?.codec).toBeUndefined();
  });

  test("where the node refused simulcast, the one encoding is the whole picture", async () => {
    const sender = new FakeSender([]);
    const encoder = control(sender, () => video());
    await encoder.apply();
    expect(encoder.layers).toMatchObject([{ rid: null, width: 1280, height: 720 }]);
    expect(sender.encodings[0]?.scaleResolutionDownTo).toEqual({ maxWidth: 1280, maxHeight: 720 });
  });
});

describe("an audio sender", () => {
  test("is limited, stopped and started", async () => {
    const sender = new FakeSender([]);
    let wanted: WantedAudio = { kind: "audio", active: false, maxBitrate: 12_000 };
    const encoder = control(sender, () => wanted);
    await encoder.apply();
    expect(sender.encodings[0]).toEqual({ active: false, maxBitrate: 12_000 });
    wanted = { ...wanted, active: true };
    await encoder.apply();
    expect(sender.encodings[0]?.active).toBe(true);
  });
});
