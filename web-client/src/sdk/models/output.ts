import { ENVELOPE_MS, EchoWatch } from "./echo.js";
import type { SoundRoute } from "./echo.js";
import { Loopback } from "./loopback.js";
import { OutputClock } from "./outputclock.js";
import workletUrl from "./voice.worklet.js?worker&url";

/** How often the output's clock is looked at, ms. */
const LOOK_MS = 200;
/** How often an echo is looked for, ms. */
const ECHO_MS = 4500;
/** Samples of one look at loudness: 43 ms. */
const LOUDNESS_SAMPLES = 2048;
/** A loopback adds this, ms: framing, its jitter buffer. */
const LOOPBACK_MS = 60;

/**
 * Where everything is heard that this library plays: one audio context, its clock, and the route to
 * the loudspeaker on which the echo canceller knows it.
 */
export class SoundOutput {
  readonly context: AudioContext;
  /** What is connected to it is heard. */
  readonly input: GainNode;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #clock: OutputClock;
  #route: SoundRoute = "context";
  #loopback: Loopback | null = null;
  #destination: AudioNode | null = null;
  #ready: Promise<void> | null = null;
  #echo: { stop(): void } | null = null;

  constructor() {
    // At the rate of the device: Firefox connects no microphone to a context of another rate.
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.#clock = new OutputClock(this.context, navigator.userAgent.includes("Firefox"));
    this.input = this.context.createGain();
    this.input.connect(this.context.destination);
    this.#timers.push(setInterval(() => this.#look(), LOOK_MS));
  }

  get route(): SoundRoute {
    return this.#route;
  }

  /** Loads the processors. The audio thread has them when it resolves. */
  prepare(): Promise<void> {
    this.#ready ??= this.context.audioWorklet.addModule(workletUrl);
    return this.#ready;
  }

  /** Starts to play; to be called where a person did something, or it waits until one does. */
  async resume(): Promise<void> {
    await this.context.resume();
  }

  /** When the sample of context time 0 was, or would have been, heard: ms since 1970. */
  get origin(): number | null {
    const { origin } = this.#clock;
    if (origin === null) return null;
    return performance.timeOrigin + origin + (this.#route === "loopback" ? LOOPBACK_MS : 0);
  }

  /** From the audio thread to the ear, ms. */
  get latency(): number {
    const { origin } = this;
    if (origin === null) return 0;
    return origin + this.context.currentTime * 1000 - (performance.timeOrigin + performance.now());
  }

  /** Goes another way to the loudspeaker. */
  async setRoute(route: SoundRoute): Promise<void> {
    if (route === this.#route) return;
    this.#route = route;
    if (route === "loopback") {
      const destination = this.context.createMediaStreamDestination();
      const loopback = new Loopback();
      this.#loopback = loopback;
      await loopback.open(destination.stream);
      if (this.#loopback !== loopback) return loopback.close();
      this.input.disconnect(this.context.destination);
      this.input.connect(destination);
      this.#destination = destination;
    } else {
      this.#loopback?.close();
      this.#loopback = null;
      if (this.#destination) this.input.disconnect(this.#destination);
      this.#destination = null;
      this.input.connect(this.context.destination);
    }
  }

  /** Watches a microphone for an echo of what is played, and takes the loopback where there is one. */
  watchEcho(microphone: MediaStreamTrack): void {
    this.#echo?.stop();
    const { context } = this;
    const heard = new AnalyserNode(context, { fftSize: LOUDNESS_SAMPLES });
    const recorded = new AnalyserNode(context, { fftSize: LOUDNESS_SAMPLES });
    const source = context.createMediaStreamSource(new MediaStream([microphone]));
    this.input.connect(heard);
    source.connect(recorded);
    const watch = new EchoWatch();
    const looks = setInterval(() => watch.observe(loudness(heard), loudness(recorded)), ENVELOPE_MS);
    const checks = setInterval(() => {
      if (this.#route === "context" && watch.check()) void this.setRoute("loopback");
    }, ECHO_MS);
    this.#echo = {
      stop: () => {
        clearInterval(looks);
        clearInterval(checks);
        source.disconnect();
        this.input.disconnect(heard);
      },
    };
  }

  async close(): Promise<void> {
    this.#echo?.stop();
    this.#echo = null;
    for (const timer of this.#timers) clearInterval(timer);
    this.#loopback?.close();
    await this.context.close();
  }

  #look(): void {
    if (this.context.state === "running") this.#clock.look(performance.now());
  }
}

/** dBFS of the last moment. */
function loudness(analyser: AnalyserNode): number {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return 10 * Math.log10(power + 1e-12);
}
