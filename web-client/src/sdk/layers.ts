import type { VideoCodec } from "./codecs.js";
import type { PublishedLayer, Source } from "./signal.js";

/** Simulcast tags of a video m-line, smallest layer first. Fixed when the m-line is made. */
export const RIDS = ["q", "h", "f"] as const;

/** Pixels of what a camera or screen gives. */
export interface CaptureSize {
  width: number;
  height: number;
}

/** What one encoding of a sender is to make. */
export interface LayerPlan {
  /** Its simulcast tag; `null` where the m-line has one encoding. */
  rid: string | null;
  width: number;
  height: number;
  /** bit/s. */
  maxBitrate: number;
  /** Frames per second; `null`: as captured. */
  maxFramerate: number | null;
  /** Layers inside of it (W3C WebRTC-SVC); `null`: as the browser likes. */
  scalabilityMode: string | null;
}

/** From what layers are planned. */
export interface LayerWish {
  source: Source;
  size: CaptureSize;
  codec: VideoCodec;
  /** Tags of the encodings that the m-line has; `[null]`: one without a tag. */
  rids: readonly (string | null)[];
  /** Whether several layers are made. */
  several: boolean;
  /** Whether the picture moves as a whole, such as a film on a shared screen. */
  motion: boolean;
  /** Upper limit of the largest layer, bit/s; `null`: by its size. */
  maxBitrate: number | null;
  maxFramerate: number | null;
}

/** Longer side from which a third and a second layer pay: below, they would be stamps. */
const THREE_LAYERS = 960;
const TWO_LAYERS = 480;
/** A shared screen at rest: text must be sharp, and may come slowly. */
const SCREEN_FPS = { full: 15, small: 5 };
/** What VP9 and AV1 need of what VP8 needs for the same picture. */
const MODERN = 0.8;

/** Pixels and the bit/s that VP8 needs for them, at 30 frames per second. */
const CAMERA_RATES: readonly [number, number][] = [
  [320 * 180, 150_000],
  [640 * 360, 500_000],
  [960 * 540, 1_000_000],
  [1280 * 720, 1_700_000],
  [1920 * 1080, 3_000_000],
  [2560 * 1440, 5_000_000],
];
/** The same of a shared screen, at its frame rates. */
const SCREEN_RATES: readonly [number, number][] = [
  [640 * 360, 200_000],
  [960 * 540, 400_000],
  [1280 * 720, 1_500_000],
  [1920 * 1080, 2_500_000],
  [2560 * 1440, 4_000_000],
];
const LEAST_BITRATE = 60_000;

/**
 * The layers of a video, smallest first; the largest is as large as the capture. VP9 and AV1 put
 * them into one encoding, the others into one encoding each.
 */
export function planLayers(wish: LayerWish): LayerPlan[] {
  return wish.codec === "vp9" || wish.codec === "av1" ? scalable(wish) : simulcast(wish);
}

/** How the node is told of them. */
export function describeLayers(layers: readonly LayerPlan[]): PublishedLayer[] {
  return layers.map(({ rid, width, height, maxBitrate, scalabilityMode }) => ({
    ...(rid === null ? {} : { rid }),
    width,
    height,
    maxBitrate,
    ...(scalabilityMode === null ? {} : { scalabilityMode }),
  }));
}

function simulcast(wish: LayerWish): LayerPlan[] {
  const { size, rids, maxFramerate } = wish;
  const screen = wish.source === "screen";
  const most = wish.several ? (screen ? 2 : 3) : 1;
  const count = Math.min(rids.length, most, layersFor(size));
  return Array.from({ length: count }, (_, at) => {
    const full = at === count - 1;
    const layer = scaled(size, 2 ** (count - 1 - at));
    const pace = screen && !wish.motion ? (full ? SCREEN_FPS.full : SCREEN_FPS.small) : null;
    return {
      rid: rids[at] ?? null,
      ...layer,
      maxBitrate: limit(rateOf(screen ? SCREEN_RATES : CAMERA_RATES, layer), wish.maxBitrate),
      maxFramerate: pace === null ? maxFramerate : Math.min(pace, maxFramerate ?? pace),
      scalabilityMode: null,
    };
  });
}

function scalable(wish: LayerWish): LayerPlan[] {
  const screen = wish.source === "screen";
  const rate = rateOf(screen ? SCREEN_RATES : CAMERA_RATES, wish.size) * MODERN;
  const pace = screen && !wish.motion ? SCREEN_FPS.full : null;
  return [
    {
      rid: wish.rids[0] ?? null,
      width: wish.size.width,
      height: wish.size.height,
      maxBitrate: limit(Math.round(rate), wish.maxBitrate),
      maxFramerate: pace === null ? wish.maxFramerate : Math.min(pace, wish.maxFramerate ?? pace),
      scalabilityMode: wish.several
        ? { 1: "L1T3", 2: "L2T3_KEY", 3: "L3T3_KEY" }[layersFor(wish.size)]
        : "L1T1",
    },
  ];
}

function layersFor({ width, height }: CaptureSize): 1 | 2 | 3 {
  const longer = Math.max(width, height);
  if (longer >= THREE_LAYERS) return 3;
  return longer >= TWO_LAYERS ? 2 : 1;
}

/** Encoders want even sides. */
function scaled({ width, height }: CaptureSize, by: number): CaptureSize {
  const side = (length: number) => (by === 1 ? length : Math.max(2, Math.round(length / by / 2) * 2));
  return { width: side(width), height: side(height) };
}

function limit(rate: number, most: number | null): number {
  return most === null ? rate : Math.min(rate, most);
}

/** Between two entries in proportion to the pixels; beyond the ends, the end's bit/s a pixel. */
function rateOf(table: readonly [number, number][], { width, height }: CaptureSize): number {
  const pixels = width * height;
  const above = table.findIndex(([area]) => area >= pixels);
  const [area, rate] = table[above === -1 ? table.length - 1 : above] ?? [1, LEAST_BITRATE];
  const below = above > 0 ? table[above - 1] : undefined;
  if (!below) return Math.round(Math.max(LEAST_BITRATE, (rate * pixels) / area));
  const share = (pixels - below[0]) / (area - below[0]);
  return Math.round(below[1] + share * (rate - below[1]));
}
