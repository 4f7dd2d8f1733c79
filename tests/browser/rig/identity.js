// How a test knows whom it sees and hears. A person has a number: it stands in every frame of
// their video as three blocks of plain colour, and decides the pitch of their voice.

/** Voices, in hertz. No one is near another's harmonic of low order. */
const PITCHES = [110, 139, 167, 197, 233, 263, 311, 353];

/** Number of people that can be told apart by picture. */
export const PICTURES = 64;
/** Number of people that can be told apart by ear. */
export const VOICES = PITCHES.length;

/** Power of every voice, in decibels of full scale: see the harmonics in media.js and devices.js. */
export const VOICE_DB = -18.8;

/** Fundamental frequency of the voice of person `number`, in hertz. */
export function pitch(number) {
  return PITCHES[number % PITCHES.length];
}

/**
 * The three blocks of person `number`, top to bottom: six bits of the number and three that check
 * them, each block's red, green and blue being one bit.
 */
export function blocks(number) {
  const low = number & 7;
  const high = (number >> 3) & 7;
  return [low, high, low ^ high ^ 5];
}

/** The colour of a block, as `[red, green, blue]` of 0 to 255, off the extremes of video range. */
export function colour(block) {
  return [4, 2, 1].map((bit) => (block & bit ? 216 : 40));
}

/** The colour of a block as `rrggbb`. */
export function hex(block) {
  return colour(block)
    .map((value) => value.toString(16).padStart(2, "0"))
    .join("");
}
