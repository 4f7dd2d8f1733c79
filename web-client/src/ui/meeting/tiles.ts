import type { Participant, SlotContent, View } from "../../sdk/sotto.js";
import { gridCapacity, gridLayout, stageLayout, stripCapacity } from "./layout.js";
import type { Rect, Size } from "./layout.js";

/** How the person wants to see the meeting; `auto`: a shared screen takes the stage. */
export type Mode = "auto" | "grid" | "speaker";

/** What is on the screen of this person, or could be. */
export interface Scene {
  size: Size;
  mode: Mode;
  /** Participant who was put on the stage by hand. */
  pin: string | null;
  page: number;
  /** Everybody else, in the order in which they came. */
  participants: readonly Participant[];
  /** By slot: what is on the screen now, per `renderSlot`. */
  shown: ReadonlyMap<string, SlotContent>;
  /** Who spoke last, latest first. */
  speakers: readonly string[];
  /** Most video slots that there are. */
  slots: number;
}

/** One tile. */
export interface Tile {
  /** The same for as long as the tile shows the same thing. */
  key: string;
  /** Whose it is; `null`: this person's own. */
  participant: string | null;
  /** The slot that it shows; `null`: no picture. */
  mid: string | null;
  screen: boolean;
  rect: Rect;
  /** Whether it is the big one. */
  stage: boolean;
}

/** What is to be drawn and what is to be asked of the node. */
export interface Plan {
  tiles: Tile[];
  pages: number;
  page: number;
  /** Whether one tile is big. */
  staged: boolean;
  view: Required<Pick<View, "mode" | "pins" | "offset">> & { tiles: number };
}

type Candidate = Omit<Tile, "rect" | "stage">;

/** Decides what is where. Pure. */
export function planTiles(scene: Scene): Plan {
  const people = scene.participants.flatMap((participant) => candidatesOf(participant, scene));
  const sharing = scene.participants.some((participant) => isSharing(participant));
  const staged =
    scene.pin !== null || scene.mode === "speaker" || (scene.mode === "auto" && sharing);
  return staged ? planStage(scene, people) : planGrid(scene, people);
}

function planGrid(scene: Scene, people: Candidate[]): Plan {
  const { size } = scene;
  // Our own tile is on each page.
  const perPage = Math.max(1, Math.min(gridCapacity(size) - 1, scene.slots));
  const pages = Math.max(1, Math.ceil(people.length / perPage));
  const page = Math.min(scene.page, pages - 1);
  const before = people.slice(0, page * perPage);
  const visible = [...people.slice(page * perPage, (page + 1) * perPage), own()];
  const rects = gridLayout(visible.length, size);
  return {
    tiles: place(visible, rects),
    pages,
    page,
    staged: false,
    view: {
      mode: "grid",
      pins: [],
      // The node passes over cameras; people without one have a tile here, but no slot.
      offset: before.filter((tile) => !tile.screen && hasCamera(scene, tile.participant)).length,
      tiles: visible.length - 1,
    },
  };
}

function planStage(scene: Scene, people: Candidate[]): Plan {
  const big = pickStage(scene, people);
  const byVoice = (tile: Candidate) => {
    const at = scene.speakers.indexOf(tile.participant ?? "");
    return at === -1 ? scene.speakers.length : at;
  };
  // Whoever spoke last gets the places in the strip, but keeps the order of coming in it.
  const places = Math.max(1, stripCapacity(scene.size));
  const others = people.filter((tile) => tile !== big);
  const chosen = new Set(
    [...others].sort((a, b) => byVoice(a) - byVoice(b)).slice(0, Math.max(0, places - 1)),
  );
  const strip = [...others.filter((tile) => chosen.has(tile)), ...(big ? [own()] : [])];
  const layout = stageLayout(strip.length, scene.size);
  const tiles = [
    { ...(big ?? own()), rect: layout.stage, stage: true },
    ...place(strip, layout.strip),
  ];
  return {
    tiles,
    pages: 1,
    page: 0,
    staged: true,
    view: {
      mode: "speaker",
      pins: scene.pin === null ? [] : [scene.pin],
      offset: 0,
      tiles: tiles.filter((tile) => tile.participant !== null).length,
    },
  };
}

function pickStage(scene: Scene, people: Candidate[]): Candidate | undefined {
  const pinned = people.filter((tile) => tile.participant === scene.pin);
  return (
    pinned.find((tile) => tile.screen) ??
    pinned[0] ??
    people.find((tile) => tile.screen) ??
    scene.speakers
      .map((speaker) => people.find((tile) => tile.participant === speaker))
      .find((tile) => tile !== undefined) ??
    people[0]
  );
}

/** A participant's screen, where it shares one, and its camera or the place where it would be. */
function candidatesOf(participant: Participant, scene: Scene): Candidate[] {
  const mids: { camera: string | null; screen: string | null } = { camera: null, screen: null };
  for (const [mid, content] of scene.shown) {
    if (content.participant !== participant.id) continue;
    const track = participant.tracks.find((track) => track.id === content.track);
    if (track?.muted) continue;
    if (track?.source === "camera" || track?.source === "screen") mids[track.source] = mid;
  }
  const candidate = (source: "camera" | "screen"): Candidate => {
    const mid = mids[source];
    const key = mid === null ? `${source}:${participant.id}` : `slot:${mid}`;
    return { key, participant: participant.id, mid, screen: source === "screen" };
  };
  return isSharing(participant) ? [candidate("screen"), candidate("camera")] : [candidate("camera")];
}

function own(): Candidate {
  return { key: "own", participant: null, mid: null, screen: false };
}

function place(tiles: readonly Candidate[], rects: readonly Rect[]): Tile[] {
  return tiles.flatMap((tile, at) => {
    const rect = rects[at];
    return rect ? [{ ...tile, rect, stage: false }] : [];
  });
}

function hasCamera(scene: Scene, id: string | null): boolean {
  const participant = scene.participants.find((participant) => participant.id === id);
  return participant?.tracks.some((track) => track.source === "camera" && !track.muted) ?? false;
}

function isSharing(participant: Participant): boolean {
  return participant.tracks.some((track) => track.source === "screen" && !track.muted);
}
