// Runs in every page before its own scripts: what a person would see and hear, in numbers.
{
  const pixels = document.createElement("canvas");
  Object.assign(pixels, { width: 1, height: 3 });
  const context = pixels.getContext("2d", { willReadFrequently: true });
  // One pixel from the middle of each block, away from edges and from the neighbour's chroma.
  context.imageSmoothingEnabled = false;

  /** The number of the person whose blocks stand in the frame shown by `video`, or null. */
  globalThis.readIdentity = (video) => {
    const { videoWidth: width, videoHeight: height } = video;
    if (!width) return null;
    context.drawImage(video, width / 9, 0, width / 9, height, 0, 0, 1, 3);
    const { data } = context.getImageData(0, 0, 1, 3);
    const [low, high, check] = [0, 1, 2].map((row) => {
      const [red, green, blue] = data.subarray(row * 4, row * 4 + 3);
      return (red > 128 ? 4 : 0) | (green > 128 ? 2 : 0) | (blue > 128 ? 1 : 0);
    });
    return (low ^ high ^ 5) === check ? low | (high << 3) : null;
  };

  /**
   * Watches every frame that `video` presents. `label()` says under which name it is shown, asked
   * when the page has had its say about that frame. Calls `each({ at, label, identity, presented })`:
   * `presented` counts the frames since the last call, those included for which a busy page, or our
   * own reading of pixels, left no time to be told of.
   */
  globalThis.watchFrames = (video, label, each) => {
    let watching = true;
    let counted = null;
    const step = (now, { presentedFrames, rtpTimestamp }) => {
      if (!watching) return;
      const identity = globalThis.readIdentity(video);
      const presented = counted === null ? 1 : presentedFrames - counted;
      counted = presentedFrames;
      // Runs after all callbacks for this frame and before it is painted.
      requestAnimationFrame(() => each({ at: now, label: label(), identity, presented, rtpTimestamp }));
      video.requestVideoFrameCallback(step);
    };
    video.requestVideoFrameCallback(step);
    return () => (watching = false);
  };

  const labelOf = (tile) =>
    tile.querySelector('[data-testid="tile-label"]')?.textContent.trim() || null;

  /** Whether a tile under that name presents a person's blocks. */
  globalThis.showsPicture = (name) =>
    [...document.querySelectorAll('[data-testid="tile"]')].some((tile) => {
      const video = tile.querySelector("video");
      return video && labelOf(tile) === name && globalThis.readIdentity(video) !== null;
    });

  /** Watches all tiles of the meeting page; `report()` tells per name what was shown under it. */
  globalThis.watchTiles = () => {
    const watched = new Map();
    const names = new Map();
    let since = performance.now();
    const look = () => {
      for (const video of document.querySelectorAll('[data-testid="tile"] video')) {
        if (watched.has(video)) continue;
        watched.set(video, globalThis.watchFrames(video, () => nameOn(video), note));
      }
    };
    const nameOn = (video) => {
      const tile = video.closest('[data-testid="tile"]');
      return tile && labelOf(tile);
    };
    const note = ({ at, label, identity, presented }) => {
      const entry = names.get(label) ?? { frames: 0, presented: 0, longestGap: 0, first: at, last: at, identities: {} };
      entry.longestGap = Math.max(entry.longestGap, at - entry.last);
      entry.last = at;
      entry.frames += 1;
      entry.presented += presented;
      entry.identities[identity] = (entry.identities[identity] ?? 0) + 1;
      names.set(label, entry);
    };
    look();
    const timer = setInterval(look, 100);
    return {
      /** Forgets what was counted. */
      reset() {
        names.clear();
        since = performance.now();
      },
      report() {
        const now = performance.now();
        const people = [...names].map(([name, entry]) => [
          name,
          {
            ...entry,
            rate: (entry.presented * 1000) / (now - since),
            longestGap: Math.max(entry.longestGap, now - entry.last),
          },
        ]);
        return Object.fromEntries(people);
      },
      stop() {
        clearInterval(timer);
        for (const stop of watched.values()) stop();
      },
    };
  };

  const FFT = 16384;

  /** Listens to all receiving audio slots; `report()` tells per name what was heard as theirs. */
  globalThis.listenToSlots = async () => {
    const audio = new AudioContext({ sampleRate: 48000 });
    await audio.resume();
    const ears = new Map();
    const names = new Map();
    const spectrum = new Float32Array(FFT / 2);
    const samples = new Float32Array(FFT);
    const listen = () => {
      for (const { mid, receiver } of globalThis.seen.receivers("audio")) {
        if (!ears.has(mid)) {
          const ear = new AnalyserNode(audio, { fftSize: FFT, smoothingTimeConstant: 0 });
          audio.createMediaStreamSource(new MediaStream([receiver.track])).connect(ear);
          ears.set(mid, { ear, name: null, since: 0 });
        }
        hear(ears.get(mid), receiver);
      }
    };
    const hear = (slot, receiver) => {
      const name = globalThis.seen.contributor(receiver);
      const now = performance.now();
      if (name !== slot.name) Object.assign(slot, { name, since: now });
      // The window of the spectrum must hold one person alone, the jitter buffer included.
      if (!name || now - slot.since < 1000) return;
      slot.ear.getFloatTimeDomainData(samples);
      slot.ear.getFloatFrequencyData(spectrum);
      const power = samples.reduce((sum, value) => sum + value * value, 0) / FFT;
      const peak = spectrum.reduce((best, value, bin) => (value > spectrum[best] ? bin : best), 1);
      const entry = names.get(name) ?? { windows: 0, power: 0, pitches: [] };
      entry.windows += 1;
      entry.power += power;
      entry.pitches.push(Math.round((peak * audio.sampleRate) / FFT));
      names.set(name, entry);
    };
    const timer = setInterval(listen, 250);
    return {
      reset() {
        names.clear();
      },
      report() {
        const people = [...names].map(([name, { windows, power, pitches }]) => [
          name,
          { windows, decibels: 10 * Math.log10(power / windows + 1e-12), pitches },
        ]);
        return Object.fromEntries(people);
      },
      async stop() {
        clearInterval(timer);
        await audio.close();
      },
    };
  };
}
