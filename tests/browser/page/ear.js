// Runs in pages before their own scripts: what a microphone takes and what is played, sample by
// sample, on the clock of the page.
{
  /** Hands on what comes, 85 ms at a time. */
  const RECORDER = `registerProcessor("ear", class extends AudioWorkletProcessor {
    constructor() { super(); this.batch = new Float32Array(4096); this.filled = 0; }
    process([[input]]) {
      if (input) this.batch.set(input, this.filled);
      else this.batch.fill(0, this.filled, this.filled + 128);
      this.filled += 128;
      if (this.filled === 4096) {
        this.port.postMessage({ frame: currentFrame + 128 - 4096, batch: this.batch });
        this.filled = 0;
      }
      return true;
    }
  });`;

  const heard = new Set();
  const nativeConnect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function connect(to, ...rest) {
    if (to instanceof AudioDestinationNode) heard.add(this);
    return nativeConnect.call(this, to, ...rest);
  };

  const microphones = [];
  const asked = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (asked) {
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      const stream = await asked(constraints);
      microphones.push(...stream.getAudioTracks());
      return stream;
    };
  }

  const now = () => performance.timeOrigin + performance.now();

  const text = (samples) => {
    const whole = Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767);
    const bytes = new Uint8Array(whole.buffer);
    const parts = [];
    for (let at = 0; at < bytes.length; at += 0x8000) parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
    return btoa(parts.join(""));
  };

  const joined = (batches) => {
    const samples = new Float32Array(batches.reduce((sum, batch) => sum + batch.length, 0));
    let at = 0;
    for (const batch of batches) {
      samples.set(batch, at);
      at += batch.length;
    }
    return samples;
  };

  /**
   * Records the microphone before it is coded. `stop()` gives `{ rate, samples, pieces }`: samples of 16
   * bits in base64, and of each piece its first sample, when the browser says that it was captured, and when
   * the page had it (ms since 1970).
   */
  globalThis.recordMicrophone = () => {
    const track = microphones.findLast(({ readyState }) => readyState === "live");
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    const [batches, pieces] = [[], []];
    let [first, rate, stopped] = [0, 0, false];
    const done = (async () => {
      while (!stopped) {
        const { value, done } = await reader.read();
        if (done) return;
        const batch = new Float32Array(value.numberOfFrames);
        value.copyTo(batch, { planeIndex: 0, format: "f32-planar" });
        rate = value.sampleRate;
        pieces.push({ first, captured: performance.timeOrigin + value.timestamp / 1000, at: now() });
        first += batch.length;
        batches.push(batch);
        value.close();
      }
      await reader.cancel();
    })();
    return {
      async stop() {
        stopped = true;
        await done;
        return { rate, samples: text(joined(batches)), pieces };
      },
    };
  };

  /**
   * Records all that is played. `stop()` gives `{ rate, samples, pieces, outputMs }`: of each piece its
   * first sample, and when that is at the ear (ms since 1970), for which the context adds `outputMs`.
   */
  globalThis.recordPlayed = async () => {
    const [output] = [...heard].filter(({ context }) => context.state === "running");
    const { context } = output;
    if (!context.hasEar) {
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" })));
      context.hasEar = true;
    }
    const node = new AudioWorkletNode(context, "ear", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    const [batches, pieces, latencies] = [[], [], []];
    let first = 0;
    node.port.onmessage = ({ data: { frame, batch } }) => {
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      const at = performance.timeOrigin + performanceTime + (frame / context.sampleRate - contextTime) * 1000;
      pieces.push({ first, at });
      latencies.push(context.outputLatency * 1000);
      first += batch.length;
      batches.push(batch);
    };
    nativeConnect.call(output, node);
    return {
      stop() {
        output.disconnect(node);
        const outputMs = latencies.reduce((sum, ms) => sum + ms, 0) / Math.max(1, latencies.length);
        return { rate: context.sampleRate, samples: text(joined(batches)), pieces, outputMs };
      },
    };
  };
}
