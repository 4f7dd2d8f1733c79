import { isModelSource } from "./messages.js";
import type { FormNotice, ModelClientMessage, ModelSource, PlayedForm, RawReason } from "./messages.js";

/** What is known of the form of one person's source. */
export interface FormState {
  readonly participant: string;
  readonly shortId: number;
  readonly source: ModelSource;
  /** What is played now. */
  readonly form: PlayedForm;
  /** What is to be played. */
  readonly wanted: PlayedForm;
  /** Why it is raw, or is to be. */
  readonly reason: RawReason | null;
  /** Whether the form that is played is still sent while the other one is got ready. */
  readonly overlap: boolean;
  /** Its model says that what is sent may not be the person: over to raw without waiting. */
  readonly urgent: boolean;
  /** Of the model that is on its way, or that is played. */
  readonly epoch: number | null;
  readonly plugin: number | null;
  /** A media time and when it was captured on the node's clock, both ms. */
  readonly anchor: { readonly media: number; readonly captured: number } | null;
}

/**
 * What `forms` messages mean for playing: who is played how, who is on the way to the other form,
 * and what the node is told when somebody is there. Pure.
 */
export class Forms {
  readonly #states = new Map<string, FormState>();

  /** Everything that was ever spoken of, but for those who left. */
  get all(): readonly FormState[] {
    return [...this.#states.values()];
  }

  /** `null`: the node has not spoken of it, and it is raw. */
  of(participant: string, source: ModelSource): FormState | null {
    return this.#states.get(key(participant, source)) ?? null;
  }

  /** The node's message. Returns what it spoke of, as it is now. */
  apply(notices: readonly FormNotice[]): FormState[] {
    return notices.flatMap((notice) => {
      const { participant, shortId, source, form, overlap } = notice;
      if (!isModelSource(source)) return [];
      const before = this.of(participant, source);
      const reason = notice.reason ?? null;
      const state: FormState = {
        participant,
        shortId,
        source,
        form: before?.form ?? "raw",
        wanted: form,
        reason,
        overlap,
        urgent: form === "raw" && reason === "gateTripped",
        epoch: notice.epoch ?? null,
        plugin: notice.plugin ?? before?.plugin ?? null,
        anchor: anchorOf(notice) ?? before?.anchor ?? null,
      };
      this.#states.set(key(participant, source), state);
      return state;
    });
  }

  /**
   * `form` is played now. Returns what the node is told of it: nothing where it asked for another
   * one meanwhile.
   */
  arrived(participant: string, source: ModelSource, form: PlayedForm): ModelClientMessage | null {
    const state = this.of(participant, source);
    if (!state || state.form === form) return null;
    this.#states.set(key(participant, source), { ...state, form });
    return state.wanted === form ? { type: "switched", participant, source, form } : null;
  }

  /** Somebody left. */
  remove(participant: string): void {
    this.#states.delete(key(participant, "microphone"));
    this.#states.delete(key(participant, "camera"));
  }

  /** A new connection: everything comes raw until the node says otherwise. */
  clear(): void {
    this.#states.clear();
  }
}

function key(participant: string, source: ModelSource): string {
  return `${source} ${participant}`;
}

function anchorOf({ timestamp, captureTime }: FormNotice): FormState["anchor"] {
  if (typeof timestamp !== "number" || typeof captureTime !== "number") return null;
  return { media: timestamp, captured: captureTime / 1000 };
}
