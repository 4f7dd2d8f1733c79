// Puts model packets in the place of Opus frames, beside the page. Measured in Chromium 156 and
// Firefox 153: payloads of up to 1,150 bytes arrive whole, one packet each; frames that are not
// written are not sent; frames of one's own cannot be added, so a packet waits for the next one.

import type { CarrierCommand, CarrierReport, EntryMessage } from "./carrier.protocol.js";
import { Codec, CodecError } from "./codec.js";
import type { ModelTransport } from "./messages.js";
import { Packer } from "./packer.js";

/** Length of an Opus frame, ms; the same step where there are none. */
const STEP_MS = 20;
/** How often the page is told of frames: each so many of them. */
const FRAMES_TOLD = 5;

interface Frame {
  data: ArrayBuffer;
}

interface Transformer {
  readonly readable: ReadableStream<Frame>;
  readonly writable: WritableStream<Frame>;
}

/** What a worker has, and TypeScript's types of a page have not. */
interface Scope {
  onmessage: ((event: MessageEvent<CarrierCommand>) => void) | null;
  onrtctransform: ((event: { transformer: Transformer }) => void) | null;
  postMessage(message: CarrierReport, transfer?: Transferable[]): void;
}

const scope = self as unknown as Scope;
const packer = new Packer();
let codec: Codec | null = null;
let transport: ModelTransport = "rtp";
let frames = 0;

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "start":
      codec = new Codec(data.module);
      setInterval(() => {
        if (transport === "data") sendAsMessage();
      }, STEP_MS);
      return;
    case "entries":
      data.port.onmessage = ({ data: entry }: MessageEvent<EntryMessage>) =>
        packer.add(entry, performance.now());
      return;
    case "shape":
      return packer.configure(data.expected, data);
    case "way":
      transport = data.transport;
  }
};

scope.onrtctransform = ({ transformer }) => {
  const writer = transformer.writable.getWriter();
  const write = async (frame: Frame) => {
    if (++frames % FRAMES_TOLD === 0) scope.postMessage({ type: "frames", frames });
    const packet = transport === "rtp" ? nextPacket() : null;
    if (!packet) return;
    frame.data = packet;
    await writer.write(frame);
  };
  // It ends with the connection.
  void transformer.readable.pipeTo(new WritableStream({ write })).catch(() => undefined);
};

function sendAsMessage(): void {
  const packet = nextPacket();
  if (packet) scope.postMessage({ type: "packet", packet }, [packet]);
}

function nextPacket(): ArrayBuffer | null {
  const packet = codec && packer.take(performance.now());
  if (!codec || !packet) return null;
  try {
    return codec.writePacket(packet).slice().buffer;
  } catch (error) {
    // A payload beyond the limits: the receivers see a lost packet.
    if (error instanceof CodecError) return null;
    throw error;
  }
}
