// What is heard and seen of a person that tells the time (page/timeteller.js): recordings, and what
// they say.
{
  const wall = () => performance.timeOrigin + performance.now();
  const RECORDER = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    constructor() { super(); this.batch = []; }
    process(inputs) {
      const input = inputs[0][0];
      this.batch.push(input ? input.slice() : new Float32Array(128));
      if (this.batch.length === 64) { this.port.postMessage({ frame: currentFrame + 128 - 64 * 128, batch: this.batch }); this.batch = []; }
      return true;
    }
  });`;

  /** Records everything that the library plays: `stop()` gives `{ rate, originMs, samples }`. */
  globalThis.recordSound = async (room) => {
    const output = room.models.output();
    const { context } = output;
    if (!context.recorderLoaded) {
      const url = URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" }));
      await context.audioWorklet.addModule(url);
      context.recorderLoaded = true;
    }
    const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    const batches = [];
    const origins = [];
    // A voice that is read faster is higher, by what would be 80 ms of a rising tone.
    const speeds = [];
    const watching = setInterval(() => {
      const [voice] = room.models.voices.values();
      const speed = voice?.form === "model" ? voice.speed : 1;
      speeds.push({ at: performance.timeOrigin + performance.now() + output.latency, speed });
    }, 25);
    let first = null;
    node.port.onmessage = ({ data: { frame, batch } }) => {
      first ??= frame;
      // The clock of a context may stand still for want of processor time.
      origins.push({ sample: batches.length * 128, origin: output.origin });
      batches.push(...batch);
    };
    output.input.connect(node);
    return {
      stop() {
        output.input.disconnect(node);
        clearInterval(watching);
        const samples = new Float32Array(batches.length * 128);
        batches.forEach((batch, at) => samples.set(batch, at * 128));
        const { sampleRate } = context;
        // When a sample was heard, ms since 1970.
        const heardAt = (sample) => {
          const { origin } = origins.findLast((row) => row.sample <= sample) ?? origins[0];
          return origin + (((first ?? 0) + sample) / sampleRate) * 1000;
        };
        const speedAt = (ms) => (speeds.findLast((row) => row.at <= ms + 25) ?? { speed: 1 }).speed;
        return { rate: sampleRate, originMs: heardAt(0), heardAt, speedAt, samples };
      },
    };
  };

  /** Noise that is louder and softer as speech is. */
  globalThis.speechLike = (context) => {
    const { sampleRate } = context;
    const buffer = context.createBuffer(1, sampleRate * 8, sampleRate);
    const samples = buffer.getChannelData(0);
    let [value, loudness, goal] = [0, 0, 0];
    for (let at = 0; at < samples.length; at += 1) {
      if (at % Math.round(sampleRate / 10) === 0) goal = Math.max(0, 0.6 * Math.random() + 0.4 * Math.random() - 0.2);
      loudness += (goal - loudness) * 0.0008;
      value = 0.85 * value + 0.15 * (Math.random() * 2 - 1);
      samples[at] = value * loudness * 1.2;
    }
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    source.start();
    return source;
  };

  /** The track that a sound becomes which is sent over a connection. */
  globalThis.overConnection = async (context, sound) => {
    const destination = context.createMediaStreamDestination();
    sound.connect(destination);
    const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
    near.onicecandidate = ({ candidate }) => candidate && far.addIceCandidate(candidate);
    far.onicecandidate = ({ candidate }) => candidate && near.addIceCandidate(candidate);
    const received = new Promise((done) => (far.ontrack = ({ track }) => done(track)));
    near.addTrack(destination.stream.getAudioTracks()[0], destination.stream);
    await near.setLocalDescription();
    await far.setRemoteDescription(near.localDescription);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription);
    // Kept as long as the page: a connection that nobody holds is closed.
    (globalThis.connections ??= []).push(near, far);
    return received;
  };

  /** Frequency of a tone around each of these moments (seconds from the beginning): by its phase. */
  function pitchAt({ rate, samples }, seconds, window = 0.04) {
    const length = Math.round(window * rate);
    const begin = Math.round(seconds * rate) - Math.floor(length / 2);
    if (begin < 1 || begin + length >= samples.length) return null;
    // Crossings of zero upwards, by interpolation.
    const crossings = [];
    for (let at = begin; at < begin + length; at += 1) {
      const [a, b] = [samples[at - 1], samples[at]];
      if (a < 0 && b >= 0) crossings.push(at - 1 + a / (a - b));
    }
    if (crossings.length < 4) return null;
    return ((crossings.length - 1) * rate) / (crossings.at(-1) - crossings[0]);
  }

  /**
   * Mouth to ear, ms, every 20 ms of a recording: `[{ at, latency }]`, `at` in ms since 1970. Turns of
   * the tone are left out.
   */
  globalThis.latencies = (recording) => {
    const { base, slope, turn } = TELLER.TONE;
    const rows = [];
    const seconds = recording.samples.length / recording.rate;
    for (let at = 0.03; at < seconds - 0.03; at += 0.02) {
      const pitch = pitchAt(recording, at);
      const heard = recording.heardAt(at * recording.rate);
      if (pitch === null) continue;
      const said = pitch / recording.speedAt(heard);
      const late = TELLER.behind((said - base) / (slope * turn), heard / 1000, turn);
      if (late !== null) rows.push({ at: heard, latency: late * 1000 });
    }
    return rows;
  };

  /**
   * Latency at `moment` as the rows between `from` and `to` tell, ms: a line through them, since the
   * delays of a voice may drift (Theil and Sen: half of the rows may be wrong). `null`: too few.
   */
  globalThis.latencyAt = (rows, from, to, moment) => {
    const inside = rows.filter(({ at }) => at >= from && at < to);
    if (inside.length < 8) return null;
    const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const slopes = inside.flatMap((a, at) => inside.slice(at + 3).map((b) => (b.latency - a.latency) / (b.at - a.at)));
    const slope = middle(slopes);
    return middle(inside.map(({ at, latency }) => latency + slope * (moment - at)));
  };

  /**
   * The loudest click of a stretch: how far the sound goes, within 2 ms, from what a tone can do,
   * as part of its amplitude. A clean tone: below 0.1; a jump of phase: up to 2.
   */
  globalThis.loudestClick = ({ rate, originMs, samples }, from, to) => {
    const begin = Math.max(2, Math.round(((from - originMs) / 1000) * rate));
    const end = Math.min(samples.length - 1, Math.round(((to - originMs) / 1000) * rate));
    let amplitude = 0;
    for (let at = begin; at < end; at += 1) amplitude = Math.max(amplitude, Math.abs(samples[at]));
    let worst = 0;
    for (let at = begin; at < end; at += 1) {
      // A tone of frequency f: x[n+1] - 2 cos(w) x[n] + x[n-1] = 0.
      const w = (2 * Math.PI * (TELLER.TONE.base + (TELLER.TONE.slope * TELLER.TONE.turn) / 2)) / rate;
      const rest = samples[at + 1] - 2 * Math.cos(w) * samples[at] + samples[at - 1];
      worst = Math.max(worst, Math.abs(rest));
    }
    return amplitude > 0 ? worst / amplitude : 0;
  };

  /** Loudness in stretches of 10 ms: the smallest of them as part of the median, 0 to 1. */
  globalThis.deepestDip = ({ rate, originMs, samples }, from, to) => {
    const step = Math.round(rate / 100);
    const powers = [];
    for (let at = Math.max(0, Math.round(((from - originMs) / 1000) * rate)); at + step < ((to - originMs) / 1000) * rate && at + step < samples.length; at += step) {
      let sum = 0;
      for (let next = at; next < at + step; next += 1) sum += samples[next] ** 2;
      powers.push(Math.sqrt(sum / step));
    }
    const sorted = [...powers].sort((a, b) => a - b);
    return sorted.length === 0 ? 0 : sorted[0] / sorted[Math.floor(sorted.length / 2)];
  };

  /**
   * Watches a tile: at each frame of the screen which of its two pictures is on top and of which
   * moment it is. `stop()` gives `[{ at, form, latency, black }]`, latency in ms, `null`: no bar.
   */
  globalThis.watchTile = (figure) => {
    const video = figure.querySelector("video");
    const canvas = figure.querySelector("canvas");
    const pixels = document.createElement("canvas");
    Object.assign(pixels, { width: 320, height: 4 });
    const context = pixels.getContext("2d", { willReadFrequently: true });
    const rows = [];
    let stopped = false;
    const look = () => {
      if (stopped) return;
      requestAnimationFrame(look);
      const at = wall();
      const form = getComputedStyle(canvas).visibility === "visible" ? "model" : "raw";
      const source = form === "model" ? canvas : video;
      const [width, height] = form === "model" ? [canvas.width, canvas.height] : [video.videoWidth, video.videoHeight];
      if (width === 0) return rows.push({ at, form, black: true, latency: null, middle: null, spoiled: false });
      context.drawImage(source, 0, height * 0.25, width, height * 0.5, 0, 0, 320, 4);
      rows.push({ at, form, ...read(context.getImageData(0, 0, 320, 4).data, at) });
    };
    requestAnimationFrame(look);
    return {
      stop() {
        stopped = true;
        return rows;
      },
    };
  };

  function read(data, at) {
    const { from, to, turn } = TELLER.BAR;
    let [sum, count, brightness, red] = [0, 0, 0, 0];
    for (let x = 0; x < 320; x += 1) {
      // The third row: below what spoils a picture, if anything does.
      const [r, g, b] = [data[(3 * 320 + x) * 4], data[(3 * 320 + x) * 4 + 1], data[(3 * 320 + x) * 4 + 2]];
      brightness += r + g + b;
      if (data[x * 4] > 140 && data[x * 4 + 1] < 100) red += 1;
      if (r > 150 && b > 150) {
        sum += x + 0.5;
        count += 1;
      }
    }
    const black = brightness / 320 < 60;
    const spoiled = red > 100;
    if (count < 8 || count > 60) return { black, spoiled, middle: null, latency: null };
    const middle = sum / count / 320;
    const late = TELLER.behind((middle - from) / (to - from), at / 1000, turn);
    return { black, spoiled, middle, latency: late === null ? null : late * 1000 };
  }

  /** The longest time for which a tile stood still or was black, ms, between two moments. */
  globalThis.longestStill = (rows, from = 0, to = Infinity) => {
    let longest = 0;
    let since = null;
    let last = null;
    for (const { at, middle, black } of rows) {
      if (at < from || at > to) continue;
      if (middle !== null && !black && middle !== last) {
        if (since !== null) longest = Math.max(longest, at - since);
        since = at;
        last = middle;
      }
    }
    return longest;
  };
}
