// Recordings of two pages compared: by how much the one is behind the other, by their loudness over
// time, which a voice keeps that is made anew.

/** Rate of an envelope, per second, and length of the window whose loudness each value is, ms. */
const ENVELOPE_RATE = 1000;
const WINDOW_MS = 20;
/** What is quieter than this counts as this: nobody hears whether it is like. */
const FLOOR_DB = -55;
/** Windows that move by less say nothing: nobody spoke, dB. */
const LEAST_SPREAD_DB = 6;

/** What a page recorded (page/ear.js), as samples of -1 to 1. */
export function samplesOf(base64) {
  const bytes = Buffer.from(base64, "base64");
  const whole = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return Float32Array.from(whole, (sample) => sample / 32767);
}

/**
 * When each sample of a recording was, ms: `at(sample)`. The pieces' own times tremble by when a
 * browser looked at its clock; their median over some seconds does not.
 */
export function timeOf(pieces, rate, { window = 41 } = {}) {
  const origins = pieces.map(({ first, at }) => at - (first / rate) * 1000);
  const middles = origins.map((_, index) => {
    const near = origins.slice(Math.max(0, index - (window >> 1)), index + (window >> 1) + 1).sort((a, b) => a - b);
    return near[near.length >> 1];
  });
  return (sample) => {
    let [low, high] = [0, pieces.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (pieces[middle].first <= sample) low = middle;
      else high = middle - 1;
    }
    return middles[low] + (sample / rate) * 1000;
  };
}

/** Loudness in dB, each millisecond from `begin` to `end` (ms), of a recording whose times are known. */
export function envelope({ samples, rate }, time, begin, end) {
  const sums = new Float64Array(samples.length + 1);
  for (let at = 0; at < samples.length; at += 1) sums[at + 1] = sums[at] + samples[at] ** 2;
  const length = Math.round((rate * WINDOW_MS) / 1000);
  const values = new Float32Array(Math.round(((end - begin) * ENVELOPE_RATE) / 1000)).fill(FLOOR_DB);
  let sample = 0;
  for (let index = 0; index < values.length; index += 1) {
    const at = begin + (index * 1000) / ENVELOPE_RATE;
    // Where the sample of this time is: from the one before, in steps of what is missing.
    for (let step = 0; step < 3; step += 1) sample += Math.round(((at - time(sample)) * rate) / 1000);
    const from = Math.round(sample - length / 2);
    if (from < 0 || from + length >= samples.length) continue;
    const power = (sums[from + length] - sums[from]) / length;
    values[index] = Math.max(FLOOR_DB, 10 * Math.log10(power + 1e-12));
  }
  return values;
}

/**
 * By how much `late` is behind `early`, envelopes that begin at the same time, in windows of `length` ms,
 * each `step` ms: `[{ at, middle, ms, likeness }]`, where a window and its middle are in ms from the
 * beginning, and likeness at most 1. Looked for from 0 to `most`. Windows in which nobody speaks are left
 * out.
 */
export function delays(early, late, { length = 3000, step = 1000, most = 800 } = {}) {
  const rows = [];
  for (let from = 0; from + length + most < Math.min(early.length, late.length); from += step) {
    const part = early.subarray(from, from + length);
    if (spread(part) < LEAST_SPREAD_DB) continue;
    const likenesses = Array.from({ length: most }, (_, lag) => likeness(part, late.subarray(from + lag, from + lag + length)));
    const best = likenesses.indexOf(Math.max(...likenesses));
    rows.push({ at: from, middle: from + length / 2, ms: best + peak(likenesses, best), likeness: likenesses[best] });
  }
  return rows;
}

/** Correlation of two windows of equal length. */
function likeness(a, b) {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [product, powerA, powerB] = [0, 1e-9, 1e-9];
  for (let at = 0; at < a.length; at += 1) {
    const [x, y] = [a[at] - meanA, b[at] - meanB];
    product += x * y;
    powerA += x * x;
    powerB += y * y;
  }
  return product / Math.sqrt(powerA * powerB);
}

/** Where between the values around `at` a parabola through them is highest, -0.5 to 0.5. */
function peak(values, at) {
  const [before, here, after] = [values[at - 1], values[at], values[at + 1]];
  if (before === undefined || after === undefined) return 0;
  const bend = before - 2 * here + after;
  return bend < 0 ? (before - after) / (2 * bend) : 0;
}

function spread(values) {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length);
}

function mean(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/**
 * What was played on the time line of what was said: what is late by `rows` of delays, whose median
 * over five counts, brought back by as much, between them by a straight line. Takes back what a player
 * does to keep its time, too, and neither splices nor gaps.
 */
export function unwound({ samples, rate }, time, rows, begin, end, outRate) {
  const smooth = rows.map(({ middle: at }, index) => {
    const near = rows.slice(Math.max(0, index - 2), index + 3).map(({ ms }) => ms).sort((a, b) => a - b);
    return { at, ms: near[near.length >> 1] };
  });
  const out = new Float32Array(Math.floor(((end - begin) * outRate) / 1000));
  let [row, sample] = [0, 0];
  for (let index = 0; index < out.length; index += 1) {
    const at = (index * 1000) / outRate;
    while (row < smooth.length - 2 && smooth[row + 1].at <= at) row += 1;
    const [from, to] = [smooth[row], smooth[row + 1] ?? smooth[row]];
    const part = to.at > from.at ? Math.max(0, Math.min(1, (at - from.at) / (to.at - from.at))) : 0;
    const wanted = begin + at + from.ms + part * (to.ms - from.ms);
    for (let step = 0; step < 2; step += 1) sample = Math.max(0, sample + ((wanted - time(Math.max(0, Math.floor(sample)))) * rate) / 1000 - (sample - Math.floor(sample)));
    const whole = Math.floor(sample);
    if (whole + 1 < samples.length) out[index] = samples[whole] + (samples[whole + 1] - samples[whole]) * (sample - whole);
  }
  return out;
}

/** Where in `long` the window `part` is, envelopes of one rate: index of its first value. */
export function positionIn(long, part, step = 5) {
  const thin = (values) => Float32Array.from({ length: Math.floor(values.length / step) }, (_, at) => values[at * step]);
  const [thinLong, thinPart] = [thin(long), thin(part)];
  let [best, at] = [-2, 0];
  for (let from = 0; from + thinPart.length <= thinLong.length; from += 1) {
    const alike = likeness(thinPart, thinLong.subarray(from, from + thinPart.length));
    if (alike > best) [best, at] = [alike, from];
  }
  return { at: at * step, likeness: best };
}

/** Samples as a WAV file of 16 bits, mono. */
export function wav(samples, rate) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.length * 2, 4);
  head.write("WAVEfmt ", 8);
  for (const [value, at, bytes] of [[16, 16, 4], [1, 20, 2], [1, 22, 2], [rate, 24, 4], [rate * 2, 28, 4], [2, 32, 2], [16, 34, 2]]) head.writeUIntLE(value, at, bytes);
  head.write("data", 36);
  head.writeUInt32LE(samples.length * 2, 40);
  const whole = Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767);
  return Buffer.concat([head, Buffer.from(whole.buffer)]);
}
