import type { CaptureCommand } from "./capture.protocol.js";
import microphoneUrl from "./microphone.worklet.js?worker&url";

type Tell = (command: CaptureCommand, transfer: Transferable[]) => void;

/** What TypeScript's types lack: frames of a track, in Chromium of sound too. */
declare class MediaStreamTrackProcessor<Frame> {
  constructor(init: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<Frame>;
}

/** By context: whether it has the processor that reads microphones. */
const prepared = new WeakMap<AudioContext, Promise<void>>();

/** Pieces of sound, 10 ms each, that wait for a worker. Full: the oldest is dropped. */
const MAX_PIECES = 100;

/** Hands the sound of a microphone to a worker. Returns what ends it. */
export function watchMicrophone(track: MediaStreamTrack, context: AudioContext, tell: Tell): () => void {
  if ("MediaStreamTrackProcessor" in globalThis) {
    const { readable } = new MediaStreamTrackProcessor<AudioData>({ track, maxBufferSize: MAX_PIECES });
    tell({ type: "microphone", pieces: readable }, [readable]);
    return () => tell({ type: "microphone", pieces: null }, []);
  }
  return watchGraph(track, context, tell);
}

/** The same by way of the audio graph, which has it later, for browsers that give no sound of a track. */
function watchGraph(track: MediaStreamTrack, context: AudioContext, tell: Tell): () => void {
  const source = context.createMediaStreamSource(new MediaStream([track]));
  let node: AudioWorkletNode | null = null;
  let stopped = false;
  const ready = prepared.get(context) ?? context.audioWorklet.addModule(microphoneUrl);
  prepared.set(context, ready);
  void ready.then(() => {
    if (stopped) return;
    node = new AudioWorkletNode(context, "sotto-microphone", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage(port1, [port1]);
    tell({ type: "sound", port: port2, rate: context.sampleRate }, [port2]);
    source.connect(node);
  });
  return () => {
    stopped = true;
    node?.port.postMessage(null);
    source.disconnect();
  };
}

/** Hands the pictures of a camera to a worker. Returns what ends it. */
export function watchCamera(track: MediaStreamTrack, tell: Tell): () => void {
  if ("MediaStreamTrackProcessor" in globalThis) {
    // Not a clone: what is muted must be muted for all.
    const { readable } = new MediaStreamTrackProcessor<VideoFrame>({ track, maxBufferSize: 2 });
    tell({ type: "camera", frames: readable }, [readable]);
    return () => tell({ type: "camera", frames: null }, []);
  }
  return watchElement(track, tell);
}

/** The same by way of an element, for browsers that give no frames of a track. */
function watchElement(track: MediaStreamTrack, tell: Tell): () => void {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  void video.play().catch(() => undefined);
  let handle = video.requestVideoFrameCallback(next);
  function next(): void {
    handle = video.requestVideoFrameCallback(next);
    const frame = new VideoFrame(video);
    tell({ type: "frame", frame }, [frame]);
  }
  return () => {
    video.cancelVideoFrameCallback(handle);
    video.srcObject = null;
  };
}
