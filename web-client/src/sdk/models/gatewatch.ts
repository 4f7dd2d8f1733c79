/** Whether the model still fits what is there. */
export type GateState = "green" | "amber" | "red";

/** Green blocks in a row after which it is believed: 240 ms. */
const GREENS = 3;

/** The gate as the node is told of it: worse at once, better only when it lasts. Pure. */
export class GateWatch {
  #state: GateState = "green";
  #greens = 0;
  #told = false;

  get state(): GateState {
    return this.#state;
  }

  /** One block's verdict. The state to be told, if it is another one, or the first. */
  observe(verdict: GateState): GateState | null {
    const before = this.#state;
    this.#greens = verdict === "green" ? this.#greens + 1 : 0;
    if (rank(verdict) > rank(before) || this.#greens >= GREENS) this.#state = verdict;
    const news = !this.#told || this.#state !== before;
    this.#told = true;
    return news ? this.#state : null;
  }
}

function rank(state: GateState): number {
  return { green: 0, amber: 1, red: 2 }[state];
}
