// Takes bundles apart and decodes them, beside the page: see demux.ts for what is pure in it.

import { Codec, CodecError, EXTENDED_RATE, GENERIC_EPOCH } from "./codec.js";
import type { Model } from "./codec.js";
import type { BundlesCommand, BundlesReport } from "./bundles.protocol.js";
import { Demux } from "./demux.js";
import { Painter } from "./drawing/painter.js";
import type { DueFrame, FaceDecoder } from "./facestream.js";
import { BlockRing } from "./ring.js";
import type { VoiceBlock } from "./ring.js";
import type { PluginSupport } from "./messages.js";
import { measureSupport } from "./support.js";
import { Workload } from "./workload.js";

/** How often what is missing is given up, and clocks are told, ms. */
const TICK_MS = 20;
const CLOCK_TICKS = 5;
const COUNT_TICKS = 50;
/** From drawing to the screen, ms: one refresh. */
const DISPLAY_MS = 16;

interface Surface {
  canvas: OffscreenCanvas;
  context: OffscreenCanvasRenderingContext2D;
  participant: number | null;
  /** What it shows. */
  last: DueFrame | null;
}

interface Transformer {
  readonly readable: ReadableStream<{ data: ArrayBuffer }>;
}

/** "SOTD": a delta and not a container. */
const DELTA_MAGIC = [0x53, 0x4f, 0x54, 0x44];

/** By hash, as bases of refinements. */
const containers = new Map<string, Uint8Array>();
const surfaces = new Map<number, Surface>();
const voices = new Map<number, (block: VoiceBlock) => void>();
const painter = new Painter(() => repaint());
/** Bundles that come before the codec is there are of nobody whose model is held. */
let demux: Demux | null = null;
let codec: Codec | null = null;
let tapped = false;
/** What this device can decode when it has nothing else to do. */
let plugins: PluginSupport[] = [];
const workload = new Workload();

/** What a worker has, and TypeScript's types of a page have not. */
interface Scope {
  onmessage: ((event: MessageEvent<BundlesCommand>) => void) | null;
  onrtctransform: ((event: { transformer: Transformer }) => void) | null;
  postMessage(message: BundlesReport): void;
  requestAnimationFrame(callback: () => void): void;
}

const scope = self as unknown as Scope;

const now = () => performance.timeOrigin + performance.now();
const report = (message: BundlesReport) => scope.postMessage(message);

scope.onmessage = ({ data }) => obey(data);

// Nothing is handed on to the browser's decoder. In Chromium 156 and Firefox 153 transport feedback
// goes on all the same; a jitter buffer that sees nothing asks for nothing again. Padding that
// probes the line arrives as empty frames.
scope.onrtctransform = ({ transformer }) => {
  void transformer.readable.pipeTo(
    new WritableStream({ write: (frame) => take(new Uint8Array(frame.data)) }),
  );
};

function obey(command: BundlesCommand): void {
  switch (command.type) {
    case "start":
      return start(command.module);
    case "bundle":
      return take(new Uint8Array(command.bytes));
    case "model":
      return hold(command);
    case "container":
      return handOver(command.hash);
    case "generic":
      return holdGeneric(command);
    case "forget":
      containers.delete(command.hash);
      return demux?.drop(command.participant, command.plugin, command.epoch);
    case "remove":
      voices.delete(command.participant);
      return demux?.remove(command.participant);
    case "anchor":
      return demux?.anchor(command.participant, command.timestamp, now());
    case "hold":
      return demux?.setHold(command.participant, command.who, command.ms);
    case "lead":
      return demux?.setLead(command.participant, command.ms);
    case "heard":
      return demux?.heard(command.participant, command.delay, now());
    case "voice":
      voices.set(command.participant, outlet(command.to));
      return;
    case "surface":
      return open(command.surface, command.canvas);
    case "show":
      return show(command);
    case "tap":
      tapped = command.on;
  }
}

function start(module: WebAssembly.Module): void {
  const own = new Codec(module);
  codec = own;
  const createExtension = (plugin: number) => own.createExtension(plugin);
  demux = new Demux((bytes) => own.parseBundle(bytes), createExtension, {
    sound: (participant, block) => voices.get(participant)?.(block),
    arrived: (block) => {
      if (tapped) report({ type: "arrived", block });
    },
    refused: (participant, plugin, epoch) =>
      report({ type: "failed", participant, plugin, epoch, hash: null, reason: "decoder" }),
    released: release,
  });
  plugins = measureSupport(own, () => performance.now());
  tellSupport();
  let ticks = 0;
  setInterval(() => tick(++ticks), TICK_MS);
  scope.requestAnimationFrame(draw);
}

function take(bundle: Uint8Array): void {
  timed(() => demux?.bundle(bundle, now()));
}

/** What goes into sound and pictures of people is counted. */
function timed(work: () => void): void {
  const began = performance.now();
  work();
  workload.spend(performance.now() - began);
}

function tellSupport(): void {
  report({ type: "support", plugins: workload.limit(plugins, now()) });
}

function tick(ticks: number): void {
  timed(() => demux?.advance(now()));
  if (workload.look(now())) tellSupport();
  if (!demux) return;
  if (ticks % CLOCK_TICKS === 0) {
    for (const participant of demux.participants) {
      const clock = demux.clockOf(participant);
      if (clock) report({ type: "clock", participant, ...clock });
    }
  }
  if (ticks % COUNT_TICKS === 0) report({ type: "counts", counts: { ...demux.counts } });
}

function hold({ participant, plugin, hash, bytes }: BundlesCommand & { type: "model" }): void {
  if (!codec || !demux) return;
  const fail = (epoch: number, reason: "corrupt" | "unsupported") =>
    report({ type: "failed", participant, plugin, epoch, hash, reason });
  const container = attempt(() => wholeModel(codec as Codec, new Uint8Array(bytes)));
  const info = container && attempt(() => (codec as Codec).parseContainer(container));
  if (!container || info?.hash !== hash || info.plugin !== plugin) return fail(0, "corrupt");
  const { epoch } = info;
  const decoder = attempt(() => makeDecoder((codec as Codec).createModel(container)));
  if (!decoder) return fail(epoch, "unsupported");
  containers.set(hash, container);
  demux.hold(participant, plugin, { ...decoder, epoch });
  report({ type: "held", participant, plugin, epoch, hash });
}

/** The container itself, or what the delta makes of one that is held. */
function wholeModel(own: Codec, bytes: Uint8Array): Uint8Array | null {
  if (!DELTA_MAGIC.every((byte, at) => bytes[at] === byte)) return bytes;
  const base = containers.get(own.parseDelta(bytes).base);
  return base ? own.applyDelta(base, bytes) : null;
}

function handOver(hash: string): void {
  const container = containers.get(hash)?.slice().buffer;
  if (container) report({ type: "container", hash, container });
}

function holdGeneric({ participant, plugin }: BundlesCommand & { type: "generic" }): void {
  if (!codec || !demux || demux.holds(participant, plugin, GENERIC_EPOCH)) return;
  const model = codec.createGenericModel(plugin);
  const decoder = model && attempt(() => makeDecoder(model));
  if (decoder) return demux.hold(participant, plugin, { ...decoder, epoch: GENERIC_EPOCH });
  report({ type: "failed", participant, plugin, epoch: GENERIC_EPOCH, hash: null, reason: "unsupported" });
}

function makeDecoder(model: Model) {
  try {
    return model.plugin < 8
      ? ({ kind: "sound", decoder: model.createSoundDecoder() } as const)
      : ({ kind: "picture", decoder: model.createPictureDecoder() } as const);
  } finally {
    // What was made of it stays usable.
    model.free();
  }
}

/** `null` where the codec refuses. */
function attempt<Result>(step: () => Result): Result | null {
  try {
    return step();
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

/** Shared memory, or a port where memory cannot be shared. Full: the newest is dropped. */
function outlet(to: SharedArrayBuffer | MessagePort): (block: VoiceBlock) => void {
  if (to instanceof MessagePort) {
    return ({ media, samples }) => {
      const copy = samples.slice();
      to.postMessage({ media, samples: copy }, [copy.buffer]);
    };
  }
  const ring = new BlockRing(to);
  return (block) => void ring.push(block, EXTENDED_RATE);
}

function open(surface: number, canvas: OffscreenCanvas): void {
  const context = canvas.getContext("2d", { alpha: false });
  if (context) surfaces.set(surface, { canvas, context, participant: null, last: null });
}

function show({ surface, participant, width, height }: BundlesCommand & { type: "show" }): void {
  const own = surfaces.get(surface);
  if (!own) return;
  own.participant = participant;
  // Setting a size clears the canvas: only for another one.
  if (width > 0 && height > 0 && (own.canvas.width !== width || own.canvas.height !== height)) {
    own.canvas.width = width;
    own.canvas.height = height;
  }
}

function draw(): void {
  scope.requestAnimationFrame(draw);
  timed(drawFaces);
}

function drawFaces(): void {
  if (!demux) return;
  const at = now() + DISPLAY_MS;
  const shown = new Map<number, [number, Surface][]>();
  for (const [id, surface] of surfaces) {
    const { participant } = surface;
    if (participant !== null) shown.set(participant, [...(shown.get(participant) ?? []), [id, surface]]);
  }
  for (const [participant, own] of shown) {
    const frame = demux.faceDue(participant, at);
    if (!frame) continue;
    for (const [id, surface] of own) {
      painter.paint(frame.decoder, frame.frame, surface);
      surface.last = frame;
      report({ type: "drawn", surface: id, participant, media: frame.media, late: frame.late, at });
    }
  }
}

/** What was drawn last may not be there: again, of what is decoded by now. */
function repaint(): void {
  for (const surface of surfaces.values()) {
    const { last } = surface;
    if (last) attempt(() => painter.paint(last.decoder, last.frame, surface));
  }
}

/** Gives back the memory of a decoder. The last picture stays. */
function release(decoder: FaceDecoder): void {
  painter.forget(decoder);
  for (const surface of surfaces.values()) if (surface.last?.decoder === decoder) surface.last = null;
  decoder.free();
}
