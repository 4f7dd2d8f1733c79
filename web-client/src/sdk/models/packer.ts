import type { ModelPacket, PacketBlock } from "./codec.js";
import type { Entry } from "./codec.js";
import type { ModelDemand } from "./messages.js";

/** Longest packet, bytes. */
const MAX_PACKET = 1150;
/** Longest part of it that is not payload: version and time, and of each block and entry. */
const PACKET_BYTES = 5;
const BLOCK_BYTES = 2;
const ENTRY_BYTES = 4;
/** An entry of another time belongs to the block if it is this near, ms. */
const SAME_BLOCK_MS = 40;
/** How long a block waits for the other plug-ins, ms. */
const WAIT_MS = 40;
/** Most blocks of one packet. */
const MAX_BLOCKS = 4;

/** A payload with the media time of its beginning, ms. */
export interface TimedEntry {
  media: number;
  entry: Entry;
}

/**
 * Puts the payloads of voice and face of one time into one packet, and as many of the packets'
 * predecessors as are asked for. The first payload of a time opens its block; the block is closed
 * when every source that is active has given its own, or after 40 ms. Pure: times are arguments, ms.
 */
export class Packer {
  #open: { media: number; entries: Entry[]; since: number } | null = null;
  #closed: { media: number; entries: Entry[] }[] = [];
  #sent: { media: number; entries: Entry[] }[] = [];
  #expected = 1;
  #shape: Pick<ModelDemand, "packetTime" | "redundancy"> = { packetTime: 80, redundancy: 0 };

  /** How many sources give payloads now, and how packets are wanted. */
  configure(expected: number, shape: Pick<ModelDemand, "packetTime" | "redundancy">): void {
    this.#expected = expected;
    this.#shape = shape;
  }

  /** A payload; `now`: any clock. Empty ones count: they say that there is nothing to say. */
  add({ media, entry }: TimedEntry, now: number): void {
    const open = this.#open;
    const fits =
      open !== null &&
      Math.abs(media - open.media) <= SAME_BLOCK_MS &&
      !open.entries.some(({ plugin }) => plugin === entry.plugin);
    if (fits) open.entries.push(entry);
    else {
      this.#close();
      this.#open = { media, entries: [entry], since: now };
    }
    if ((this.#open?.entries.length ?? 0) >= this.#expected) this.#close();
  }

  /** The packet to be sent at `now`, if there is one. */
  take(now: number): ModelPacket | null {
    if (this.#open && now - this.#open.since >= WAIT_MS) this.#close();
    const whole = Math.max(1, Math.round(this.#shape.packetTime / 80));
    if (this.#closed.length < whole) return null;
    const blocks = this.#closed.splice(0).slice(-MAX_BLOCKS).reverse();
    const [newest] = blocks;
    if (!newest) return null;
    const older = this.#shape.redundancy > 0 ? this.#sent : [];
    this.#sent = [newest];
    const chosen = within([...blocks, ...older].slice(0, MAX_BLOCKS), newest.media);
    return { encrypted: false, blocks: chosen };
  }

  #close(): void {
    if (this.#open) this.#closed.push(this.#open);
    this.#open = null;
    // Nobody takes them: the carrier stands still.
    this.#closed.splice(0, this.#closed.length - MAX_BLOCKS);
  }
}

/** As many of the blocks as fit into one packet, the newest first. */
function within(blocks: readonly { media: number; entries: Entry[] }[], newest: number): PacketBlock[] {
  const chosen: PacketBlock[] = [];
  let bytes = PACKET_BYTES;
  for (const { media, entries } of blocks) {
    const age = newest - media;
    const length = entries.reduce((sum, { payload }) => sum + ENTRY_BYTES + payload.length, BLOCK_BYTES);
    if (chosen.length > 0 && (bytes + length > MAX_PACKET || age <= 0 || age > 0xffff)) continue;
    bytes += length;
    chosen.push({ time: Math.floor(media) % 0x1_0000_0000, entries });
  }
  return chosen;
}
