/** Looks of which the median counts. */
const LOOKS = 15;
/** How often a browser that is to be asked rarely is asked for its latency, in looks. */
const RARELY = 150;

/** What of an audio context says when its samples are heard. */
export interface OutputTimes {
  readonly currentTime: number;
  readonly outputLatency: number;
  getOutputTimestamp(): { contextTime?: number; performanceTime?: number };
}

/**
 * When the samples of an audio context are heard, by the clock of the page.
 *
 * Firefox 153 with PulseAudio: one page of ten that asked five times a second stood still for ever, it
 * seems because each question waits for the sound server. There `rarely` keeps to the time of the
 * context, and to a latency that is asked for twice a minute.
 */
export class OutputClock {
  readonly #times: OutputTimes;
  readonly #rarely: boolean;
  #origins: number[] = [];
  #latencyMs = 0;
  #looks = 0;

  constructor(times: OutputTimes, rarely: boolean) {
    this.#times = times;
    this.#rarely = rarely;
  }

  /** When the sample of context time 0 was, or would have been, heard: ms on the page's clock. */
  get origin(): number | null {
    if (this.#origins.length === 0) return null;
    const sorted = [...this.#origins].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }

  /** To be called again and again while the context runs; `now`: ms on the page's clock. */
  look(now: number): void {
    const origin = this.#rarely ? this.#counted(now) : this.#told();
    if (origin === null) return;
    this.#origins.push(origin);
    if (this.#origins.length > LOOKS) this.#origins.shift();
  }

  #told(): number | null {
    const { contextTime, performanceTime } = this.#times.getOutputTimestamp();
    // Before the first sample has come out both are 0.
    return contextTime && performanceTime ? performanceTime - contextTime * 1000 : null;
  }

  #counted(now: number): number | null {
    const { currentTime } = this.#times;
    if (!currentTime) return null;
    if (this.#looks % RARELY === 0) this.#latencyMs = this.#times.outputLatency * 1000;
    this.#looks += 1;
    return now - currentTime * 1000 + this.#latencyMs;
  }
}
