// Runs in every page before its own scripts. getUserMedia gives plain sound (no processing that
// would take a steady voice for noise) and what `testDevices` says:
//   { rate?, width?, height? }         the fake camera at that size and rate
//   { painted: { number, width, height, rate, pitch } }  a painted picture and a made voice
// so that several pages of one process can be several people.
{
  const wanted = globalThis.testDevices ?? {};
  const native = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  const exact = ({ width, height, rate }) => ({
    ...(width && { width: { ideal: width } }),
    ...(height && { height: { ideal: height } }),
    ...(rate && { frameRate: { ideal: rate, max: rate } }),
  });
  const merged = (asked, more) => (asked ? { ...(asked === true ? {} : asked), ...more } : false);

  /** A microphone with exactly this processing. */
  globalThis.nativeMicrophone = (audio) => native({ audio });

  if (native) {
    navigator.mediaDevices.getUserMedia = async (constraints = {}) => {
      if (wanted.refuse) throw new DOMException("Permission denied", "NotAllowedError");
      if (wanted.painted) return painted(wanted.painted, constraints);
      return native({
        ...constraints,
        video: merged(constraints.video, exact(wanted)),
        audio: merged(constraints.audio, {
          echoCancellation: false,
          noiseSuppression: false,
          autoGainControl: false,
        }),
      });
    };
  }

  function painted(person, { audio, video }) {
    const tracks = [];
    if (video) tracks.push(globalThis.paintedPicture(person));
    if (audio) tracks.push(globalThis.madeVoice(person));
    return new MediaStream(tracks);
  }

  /** A video track with the blocks of a person (`colours`, top to bottom) and a moving bar. */
  globalThis.paintedPicture = ({ colours, width = 320, height = 180, rate = 15 }) => {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    let count = 0;
    const paint = () => {
      context.fillStyle = "#333";
      context.fillRect(0, 0, width, height);
      context.fillStyle = "#dd2";
      context.fillRect(width / 3 + ((count * 7) % ((width * 2) / 3)), 0, width / 12, height);
      colours.forEach((colour, row) => {
        context.fillStyle = colour;
        context.fillRect(0, (height * row) / 3, width / 3, height / 3);
      });
      count += 1;
    };
    paint();
    const timer = setInterval(paint, 1000 / rate);
    const [track] = canvas.captureStream(rate).getVideoTracks();
    track.addEventListener("ended", () => clearInterval(timer));
    return track;
  };

  /** An audio track with six harmonics of `pitch` hertz, louder and softer three times a second. */
  globalThis.madeVoice = ({ pitch, level = 0.2 }) => {
    const context = new AudioContext({ sampleRate: 48000 });
    const out = context.createMediaStreamDestination();
    const loudness = new GainNode(context, { gain: level * 0.6 });
    const beat = new OscillatorNode(context, { frequency: 3 });
    const depth = new GainNode(context, { gain: level * 0.4 });
    beat.connect(depth).connect(loudness.gain);
    beat.start();
    for (let k = 1; k <= 6; k += 1) {
      const harmonic = new OscillatorNode(context, { frequency: pitch * k });
      harmonic.connect(new GainNode(context, { gain: 1 / k })).connect(loudness);
      harmonic.start();
    }
    loudness.connect(out);
    context.resume();
    return out.stream.getAudioTracks()[0];
  };
}
