// Runs in every page before its own scripts: when a white flash is shown and when a beep is
// heard, on the clock of performance.now(), as a person in front of the machine would have it.
{
  const DARK = 80;
  const BRIGHT = 160;

  /** Calls `flash(ms)` with the expected display time of each frame that turns from dark to white. */
  globalThis.watchFlashes = (video, flash) => {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: 1, height: 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    let dark = false;
    let watching = true;
    const step = (_, { expectedDisplayTime }) => {
      if (!watching) return;
      const { videoWidth: width, videoHeight: height } = video;
      // The upper right, where neither identity blocks nor labels are.
      context.drawImage(video, width * 0.6, height * 0.1, width * 0.3, height * 0.3, 0, 0, 1, 1);
      const [, green] = context.getImageData(0, 0, 1, 1).data;
      if (green < DARK) dark = true;
      if (green > BRIGHT && dark) {
        dark = false;
        flash(expectedDisplayTime);
      }
      video.requestVideoFrameCallback(step);
    };
    video.requestVideoFrameCallback(step);
    return () => (watching = false);
  };

  const QUIET = 0.05;
  const QUIET_SECONDS = 0.1;

  /**
   * Calls `beep(ms)` with the time at which the first sample of each beep is played. The samples
   * are taken where the jitter buffer hands them to the output; `playoutDelay()` says how many
   * milliseconds later the output plays them. (An AudioContext would put a queue and a latency of
   * its own in between: 51 ms here, which no one hears who listens to an audio element.)
   */
  globalThis.watchBeeps = (track, beep, playoutDelay = () => 0) => {
    const ours = track.clone();
    const reader = new MediaStreamTrackProcessor({ track: ours }).readable.getReader();
    let quiet = 0;
    let clock = Infinity;
    const listen = ({ value: data, done }) => {
      if (done) return;
      // Timestamps run on the clock of the samples; the quickest arrival ties it to the page's.
      clock = Math.min(clock, performance.now() - data.timestamp / 1000);
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      for (let i = 0; i < samples.length; i += 1) {
        quiet += 1;
        if (Math.abs(samples[i]) < QUIET) continue;
        const sample = (i * 1000) / data.sampleRate;
        if (quiet > QUIET_SECONDS * data.sampleRate) {
          beep(data.timestamp / 1000 + clock + sample + playoutDelay());
        }
        quiet = 0;
      }
      data.close();
      reader.read().then(listen);
    };
    reader.read().then(listen);
    return () => ours.stop();
  };

  /** What the connection itself says about the delay of its audio output: `{ now(), stop() }`. */
  globalThis.watchPlayoutDelay = (connection) => {
    let milliseconds = 0;
    let before = { totalPlayoutDelay: 0, totalSamplesCount: 0 };
    const look = async () => {
      for (const stat of (await connection.getStats()).values()) {
        if (stat.type !== "media-playout") continue;
        const samples = stat.totalSamplesCount - before.totalSamplesCount;
        if (samples <= 0) continue;
        milliseconds = ((stat.totalPlayoutDelay - before.totalPlayoutDelay) * 1000) / samples;
        before = stat;
      }
    };
    look();
    const timer = setInterval(look, 500);
    return { now: () => milliseconds, stop: () => clearInterval(timer) };
  };

  /**
   * Milliseconds by which each beep comes after the flash that it belongs to (before: negative).
   * Beeps without a flash within half a second are left out.
   */
  globalThis.skews = (flashes, beeps) =>
    beeps.flatMap((beep) => {
      const differences = flashes.map((flash) => beep - flash);
      const nearest = differences.sort((a, b) => Math.abs(a) - Math.abs(b))[0];
      return nearest !== undefined && Math.abs(nearest) < 500 ? [nearest] : [];
    });

  /** Resolves when the one video slot and the one audio slot carry the person of that name. */
  globalThis.showAlone = async (name) => {
    const id = () => [...globalThis.room.participants.values()].find((one) => one.name === name)?.id;
    const end = performance.now() + 15_000;
    let pinned = false;
    const carries = (kind) =>
      globalThis.room.slots.some((slot) => slot.kind === kind && slot.content?.participant === id());
    while (!(id() && carries("video") && carries("audio"))) {
      if (performance.now() > end) throw new Error(`${name} is not in both slots`);
      if (id() && !pinned) {
        globalThis.room.setView({ mode: "grid", tiles: 1, pins: [id()] });
        pinned = true;
      }
      await new Promise((done) => requestAnimationFrame(done));
    }
  };

  /** Lets `settle` ms pass, then measures for `duration` ms what the two slots show and play. */
  globalThis.skewOfShown = async (settle, duration) => {
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    await wait(settle);
    const [flashes, beeps] = [[], []];
    const track = (kind) => globalThis.room.slots.find((slot) => slot.kind === kind).track;
    const delay = globalThis.watchPlayoutDelay(globalThis.seen.connections.at(-1));
    const stops = [
      globalThis.watchFlashes(document.querySelector("figure video"), (ms) => flashes.push(ms)),
      globalThis.watchBeeps(track("audio"), (ms) => beeps.push(ms), delay.now),
      delay.stop,
    ];
    await wait(duration);
    for (const stop of stops) stop();
    return globalThis.skews(flashes, beeps);
  };

  /**
   * A picture that flashes and a sound that beeps once a second, the beep `late` milliseconds
   * after the flash: `{ video, audio, outputLatency(), stop() }`, the latency in milliseconds.
   */
  globalThis.flashAndBeep = async ({ late = 0, width = 320, height = 180, rate = 30 } = {}) => {
    const audio = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
    await audio.resume();
    const out = audio.createMediaStreamDestination();
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const [video] = canvas.captureStream(rate).getVideoTracks();
    let next = performance.now() + 1000;
    let count = 0;
    const paint = () => {
      const now = performance.now();
      const flashing = now >= next && now < next + 100;
      context.fillStyle = flashing ? "#fff" : "#111";
      context.fillRect(0, 0, width, height);
      context.fillStyle = count++ % 2 ? "#333" : "#222";
      context.fillRect(0, height - 10, 10, 10);
      if (now >= next + 100) {
        next += 1000;
        beepAt(next + late);
      }
    };
    // The sample that the graph makes now goes into the stream now: no loudspeaker is between.
    const beepAt = (ms) => {
      const tone = new OscillatorNode(audio, { frequency: 1000 });
      const gain = new GainNode(audio, { gain: 0.5 });
      tone.connect(gain).connect(out);
      const start = audio.currentTime + (ms - performance.now()) / 1000;
      tone.start(start);
      tone.stop(start + 0.1);
    };
    const timer = setInterval(paint, 1000 / rate);
    return {
      video,
      audio: out.stream.getAudioTracks()[0],
      outputLatency: () => audio.outputLatency * 1000,
      stop() {
        clearInterval(timer);
        audio.close();
      },
    };
  };
}
