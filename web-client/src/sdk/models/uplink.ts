/** So much is enough for a raw voice beside everything else: more makes no difference, bit/s. */
const PLENTY = 100_000;
/** Part by which it must have changed to be told again. */
const NOTABLE = 0.1;
/** How often it is looked at, ms. */
const LOOK_MS = 1000;

/** What a watch needs. */
export interface UplinkHost {
  /** Whether anything depends on it now. */
  needed(): boolean;
  /** What the line to the node carries, bit/s; `null`: not known. */
  read(): Promise<number | null>;
  tell(bitrate: number): void;
}

/** Tells the node what the line to it carries, while that matters and it is little. */
export class UplinkWatch {
  readonly #host: UplinkHost;
  #told: number | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(host: UplinkHost) {
    this.#host = host;
  }

  /** On a connection that was told nothing. */
  start(): void {
    this.stop();
    this.#told = null;
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async look(): Promise<void> {
    if (!this.#host.needed()) return;
    const bitrate = await this.#host.read();
    if (bitrate === null) return;
    const told = this.#told ?? PLENTY;
    const little = Math.round(Math.min(bitrate, PLENTY));
    if (little === told || (little < PLENTY && Math.abs(little - told) < told * NOTABLE)) return;
    this.#told = little;
    this.#host.tell(little);
  }
}

/** What a browser's congestion control says of the way out, bit/s; `null`: nothing. */
export function outgoingBitrate(stats: ReadonlyMap<string, RTCStats>): number | null {
  for (const report of stats.values()) {
    if (report.type !== "candidate-pair") continue;
    const { nominated, availableOutgoingBitrate } = report as RTCIceCandidatePairStats;
    if (nominated && availableOutgoingBitrate !== undefined) return availableOutgoingBitrate;
  }
  return null;
}
