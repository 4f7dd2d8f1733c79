// What the counts of page/arrivals.js prove. A starved page is late to ask for counts, never wrong
// about them: so silences are bounded from below where somebody is to be blamed for them, and what
// the sender's own page did not produce is taken off.

/** Longest time between two looks for which a page may be taken to have been awake. */
const AWAKE_MS = 250;

/** Frames per second over the whole series, of what `count` takes from an entry. */
export function rate(series, count = ({ frames }) => frames) {
  const [first, last] = [series[0], series.at(-1)];
  return ((count(last) - count(first)) * 1000) / (last.at - first.at);
}

/**
 * The longest time in milliseconds for which it is certain that no frame came, less the time in
 * which none is known to have been sent: what the way between the two has to answer for.
 * `sent` is empty for a sender that is known to be steady.
 */
export function longestSilence(received, sent = []) {
  const pauses = sendingPauses(sent);
  let longest = 0;
  let first = received[0];
  for (const entry of received) {
    if (entry.frames !== first.frames) first = entry;
    const [from, to] = [Math.min(first.last, first.at), entry.at];
    longest = Math.max(longest, to - from - longestOverlap(pauses, from, to));
  }
  return longest;
}

/** Times in which the sender sent nothing, or its page was not awake to say so. */
function sendingPauses(sent) {
  const pauses = [];
  for (const [index, { at, frames }] of sent.entries()) {
    const before = sent[index - 1];
    if (!before) continue;
    const silent = frames === before.frames;
    if (!silent && at - before.at <= AWAKE_MS) continue;
    const last = pauses.at(-1);
    if (last?.to === before.at && last.silent && silent) last.to = at;
    else pauses.push({ from: before.at, to: at, silent });
  }
  return pauses;
}

/** A frame that was sent just before a pause may arrive within it. */
const TRANSIT_MS = 200;

function longestOverlap(pauses, from, to) {
  const overlaps = pauses.map((pause) => Math.min(pause.to + TRANSIT_MS, to) - Math.max(pause.from, from));
  return Math.max(0, ...overlaps);
}
