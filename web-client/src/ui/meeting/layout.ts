/** A place on the stage, CSS pixels. */
export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The stage, CSS pixels. */
export interface Size {
  width: number;
  height: number;
}

/** Between tiles. */
const GAP = 8;
/** A grid tile is between these shapes, width to height; a camera is cropped to it. */
const NARROWEST = { phone: 1, desktop: 4 / 3 };
const WIDEST = 16 / 9;
/** Narrower than this, a stage is a phone's. */
const PHONE_WIDTH = 600;
/** Smallest width of a grid tile. */
const MIN_TILE = { phone: 150, desktop: 240 };
/** Width of a tile beside the big one. */
const STRIP_TILE = { phone: 112, desktop: 200 };

/** How many tiles of a useful size a grid on this stage has; at least one. */
export function gridCapacity({ width, height }: Size): number {
  const least = width < PHONE_WIDTH ? MIN_TILE.phone : MIN_TILE.desktop;
  const columns = Math.max(1, Math.floor((width + GAP) / (least + GAP)));
  const rows = Math.max(1, Math.floor((height + GAP) / (least / WIDEST + GAP)));
  return columns * rows;
}

/** Places `count` tiles of one size so that they are as large as they can be. */
export function gridLayout(count: number, { width, height }: Size): Rect[] {
  if (count === 0 || width <= 0 || height <= 0) return [];
  const narrowest = width < PHONE_WIDTH ? NARROWEST.phone : NARROWEST.desktop;
  let best = { columns: 1, tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const tile = fit(
      (width - GAP * (columns - 1)) / columns,
      (height - GAP * (rows - 1)) / rows,
      narrowest,
    );
    if (tile.width * tile.height > best.tile.width * best.tile.height) best = { columns, tile };
  }
  const { columns, tile } = best;
  const rows = Math.ceil(count / columns);
  const top = (height - rows * tile.height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, at) => {
    const row = Math.floor(at / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (width - inRow * tile.width - (inRow - 1) * GAP) / 2;
    return {
      x: left + (at % columns) * (tile.width + GAP),
      y: top + row * (tile.height + GAP),
      ...tile,
    };
  });
}

/** How many tiles there is room for beside the big one. */
export function stripCapacity(size: Size): number {
  const { wide, tile } = strip(size);
  const space = wide ? size.height : size.width;
  const each = wide ? tile.height : tile.width;
  return Math.max(1, Math.floor((space + GAP) / (each + GAP)));
}

/** One big tile, and `count` small ones in a strip: at the right of a wide stage, else below. */
export function stageLayout(count: number, size: Size): { stage: Rect; strip: Rect[] } {
  const { width, height } = size;
  const shown = Math.min(count, stripCapacity(size));
  if (shown === 0) return { stage: { x: 0, y: 0, width, height }, strip: [] };
  const { wide, tile } = strip(size);
  const along = shown * ((wide ? tile.height : tile.width) + GAP) - GAP;
  const start = ((wide ? height : width) - along) / 2;
  const stage = wide
    ? { x: 0, y: 0, width: width - tile.width - GAP, height }
    : { x: 0, y: 0, width, height: height - tile.height - GAP };
  const rects = Array.from({ length: shown }, (_, at) =>
    wide
      ? { x: width - tile.width, y: start + at * (tile.height + GAP), ...tile }
      : { x: start + at * (tile.width + GAP), y: height - tile.height, ...tile },
  );
  return { stage, strip: rects };
}

function strip({ width, height }: Size): { wide: boolean; tile: Size } {
  const wide = width > height;
  const across = width < PHONE_WIDTH ? STRIP_TILE.phone : STRIP_TILE.desktop;
  return { wide, tile: { width: across, height: Math.round(across / WIDEST) } };
}

/** The largest tile of an allowed shape in a cell. */
function fit(width: number, height: number, narrowest: number): Size {
  if (width <= 0 || height <= 0) return { width: 0, height: 0 };
  const shape = Math.min(WIDEST, Math.max(narrowest, width / height));
  return width / height > shape
    ? { width: height * shape, height }
    : { width, height: width / shape };
}
