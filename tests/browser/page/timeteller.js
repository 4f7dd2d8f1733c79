// A person whose voice and picture tell the time, in forms that the test plug-ins can learn: a tone
// whose pitch rises and falls with time, and a bar that moves with it. Whoever hears or sees them, raw or
// made from a model, can say of which moment it is.
{
  /** Of the tone: lowest pitch in Hz, Hz per second, seconds that it rises, and then falls. */
  const TONE = { base: 300, slope: 25, turn: 8 };
  /** Of the bar: its middle goes from `from` to `to` (parts of the width) in a turn of seconds, and
   * back in another. */
  const BAR = { from: 0.12, to: 0.88, turn: 4, width: 0.08 };

  const wall = () => performance.timeOrigin + performance.now();

  /** How far `seconds` is through a rise and fall of `turn` each: 0 to 1 and back. */
  const triangle = (seconds, turn) => {
    const part = (seconds / turn) % 2;
    return part <= 1 ? part : 2 - part;
  };

  /**
   * By how many seconds a part of a rise and fall is behind `now` (seconds); `null`: too near to a
   * turn to be told.
   */
  const behind = (part, now, turn) => {
    if (part < 0.06 || part > 0.94) return null;
    const candidates = [part, 2 - part].map((at) => {
      const late = now / turn - at;
      return (late - Math.round(late / 2) * 2) * turn;
    });
    // Nothing is ever early, and nothing is late by a second. Near a turn both may be true.
    const possible = candidates.filter((late) => late > -0.1 && late < 1);
    return possible.length === 1 ? possible[0] : null;
  };

  globalThis.TELLER = { TONE, BAR, behind };

  /** `{ audio, video, spoil(on), stop() }`; `spoil`: what no model of the person fits. */
  globalThis.timeTeller = async ({ width = 320, height = 180, rate = 30, level = 0.4 } = {}) => {
    const context = new AudioContext({ latencyHint: "interactive" });
    await context.resume();
    const out = context.createMediaStreamDestination();
    const oscillator = new OscillatorNode(context);
    const noise = noiseOf(context);
    const noiseGain = new GainNode(context, { gain: 0 });
    oscillator.connect(new GainNode(context, { gain: level })).connect(out);
    noise.connect(noiseGain).connect(out);
    // By the clock of the wall, again and again: the clock of a context may stand still for want of
    // processor time. What the graph makes now goes into the stream now.
    const tune = () => {
      const pitch = TONE.base + TONE.slope * TONE.turn * triangle(wall() / 1000, TONE.turn);
      oscillator.frequency.setValueAtTime(pitch, context.currentTime);
    };
    tune();
    const tuning = setInterval(tune, 10);
    oscillator.start();

    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const picture = canvas.getContext("2d");
    let spoiled = false;
    const paint = () => {
      const seconds = wall() / 1000;
      const middle = BAR.from + (BAR.to - BAR.from) * triangle(seconds, BAR.turn);
      picture.fillStyle = "rgb(20,120,40)";
      picture.fillRect(0, 0, width, height);
      picture.fillStyle = "rgb(240,240,240)";
      picture.fillRect((middle - BAR.width / 2) * width, 0, BAR.width * width, height);
      if (spoiled) {
        picture.fillStyle = "rgb(200,40,40)";
        picture.fillRect(0, 0, width, height / 2);
      }
    };
    const timer = setInterval(paint, 1000 / rate);
    const video = canvas.captureStream(rate).getVideoTracks()[0];
    const teller = {
      audio: out.stream.getAudioTracks()[0],
      video,
      /** When it was spoiled last, ms since 1970. */
      spoiledAt: null,
      spoil(on, { sound = true, sight = true } = {}) {
        if (on) teller.spoiledAt = wall();
        spoiled = on && sight;
        noiseGain.gain.value = on && sound ? 0.9 : 0;
      },
      stop() {
        clearInterval(timer);
        clearInterval(tuning);
        void context.close();
      },
    };
    globalThis.teller = teller;
    return teller;
  };

  function noiseOf(context) {
    const buffer = context.createBuffer(1, context.sampleRate, context.sampleRate);
    const samples = buffer.getChannelData(0);
    for (let at = 0; at < samples.length; at += 1) samples[at] = Math.random() * 2 - 1;
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    source.start();
    return source;
  }
}
