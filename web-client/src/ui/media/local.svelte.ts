import { recall, remember } from "../memory.js";
import { deviceProblem } from "./problem.js";
import type { DeviceProblem } from "./problem.js";

/** Camera or microphone. */
export type DeviceKind = "camera" | "microphone";

const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};

/** One device of this person: which one, whether it runs, and why not. */
export class LocalDevice {
  readonly kind: DeviceKind;
  /** The running track; `null` while off. */
  track = $state.raw<MediaStreamTrack | null>(null);
  problem = $state<DeviceProblem | null>(null);
  choices = $state.raw<readonly MediaDeviceInfo[]>([]);
  chosen = $state("");
  /** Microphone: without echo cancellation, noise suppression and gain control. */
  original = $state(recall("originalSound") === "true");

  constructor(kind: DeviceKind) {
    this.kind = kind;
    this.chosen = recall(kind) ?? "";
  }

  /** Whether the person had it on the last time. */
  get wanted(): boolean {
    return recall(`${this.kind}On`) !== "false";
  }

  /** Remembers whether the person wants it on. */
  want(on: boolean): void {
    remember(`${this.kind}On`, String(on));
  }

  /** Starts it, or leaves a `problem`. A track that runs already is replaced. */
  async start(): Promise<MediaStreamTrack | null> {
    try {
      if (!navigator.mediaDevices) throw Object.assign(new Error(), { name: "InsecureContext" });
      const stream = await navigator.mediaDevices.getUserMedia(this.#constraints());
      this.#adopt(stream.getTracks()[0] ?? null);
      this.problem = null;
    } catch (error) {
      // A remembered device that is not there any more must not keep another one away.
      if (error instanceof Error && error.name === "OverconstrainedError" && this.chosen !== "") {
        this.chosen = "";
        return this.start();
      }
      this.problem = deviceProblem(error);
    }
    await this.refresh();
    return this.track;
  }

  /** Stops it: the lamp goes out. */
  stop(): void {
    this.#adopt(null);
  }

  /** Uses another one. */
  async choose(deviceId: string): Promise<void> {
    this.chosen = deviceId;
    remember(this.kind, deviceId);
    if (this.track) await this.start();
  }

  /** Turns the browser's sound processing off or on. */
  async setOriginal(original: boolean): Promise<void> {
    this.original = original;
    remember("originalSound", String(original));
    if (this.track) await this.start();
  }

  /** Looks again at what is plugged in. */
  async refresh(): Promise<void> {
    const kind = this.kind === "camera" ? "videoinput" : "audioinput";
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    this.choices = devices.filter((device) => device.kind === kind && device.deviceId !== "");
  }

  #constraints(): MediaStreamConstraints {
    const device = this.chosen === "" ? {} : { deviceId: { exact: this.chosen } };
    if (this.kind === "camera") return { video: { ...CAMERA, ...device } };
    const processing = !this.original;
    return {
      audio: {
        echoCancellation: processing,
        noiseSuppression: processing,
        autoGainControl: processing,
        ...device,
      },
    };
  }

  #adopt(track: MediaStreamTrack | null): void {
    const old = this.track;
    if (old) {
      old.onended = null;
      old.stop();
    }
    this.track = track;
    if (!track) return;
    // Not only a voice then: the encoder may spend more on it.
    if (this.kind === "microphone" && this.original) track.contentHint = "music";
    track.onended = () => {
      this.track = null;
      this.problem = "missing";
    };
  }
}
