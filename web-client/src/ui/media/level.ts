/** Below this, dBFS, the meter shows nothing. */
const FLOOR_DB = -60;

/**
 * Measures how loud a microphone is: calls `onLevel` with 0 (silence) to 1 (full scale, on a
 * decibel scale) each animation frame. Returns a function that stops it.
 */
export function measureLevel(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let frame = 0;
  const measure = () => {
    analyser.getFloatTimeDomainData(samples);
    onLevel(levelOf(samples));
    frame = requestAnimationFrame(measure);
  };
  // Held back until the person touched the page; the meter then starts by itself.
  void context.resume();
  measure();
  return () => {
    cancelAnimationFrame(frame);
    void context.close();
  };
}

/** Root mean square of samples (-1 to 1) on a decibel scale, 0 to 1. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length));
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}
