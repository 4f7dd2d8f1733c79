import type { LearnerMedia, LearnerReport } from "./capture.protocol.js";
import { CodecError } from "./codec.js";
import type { Codec, Learner, Progress } from "./codec.js";

/** Least time between two models: each is fetched by everybody. */
const REFINE_MS = 10_000;
/** How often progress is told, ms. */
const TELL_MS = 500;

/** What lessons are given with. */
export interface School {
  readonly codec: Pick<Codec, "createLearner" | "writeContainer" | "deltaBetween">;
  readonly plugin: number;
  /** Of the first model. */
  readonly epoch: number;
  /** ms */
  now(): number;
  /** Since 1970, ms. */
  today(): number;
  report(report: LearnerReport): void;
}

/** A model of one's own in the making: when it is worth a new epoch, and what is said of it. */
export class Lessons {
  readonly #school: School;
  readonly #learner: Pick<Learner, "pushSound" | "pushPicture" | "pushMissed" | "finish">;
  #epoch: number;
  #last: Uint8Array | null = null;
  /** When it was last tried to make a model. */
  #triedAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(school: School) {
    this.#school = school;
    this.#epoch = school.epoch;
    this.#learner = school.codec.createLearner(school.plugin);
  }

  take(lesson: LearnerMedia): void {
    if (lesson.type === "picture" && lesson.missed) {
      this.#learner.pushMissed(lesson.pixels, lesson.width, lesson.height);
      return;
    }
    const progress =
      lesson.type === "sound"
        ? this.#learner.pushSound(lesson.samples, lesson.rate)
        : this.#learner.pushPicture(lesson.pixels, lesson.width, lesson.height);
    const now = this.#school.now();
    if (!this.#last && now - this.#toldAt >= TELL_MS) {
      this.#toldAt = now;
      this.#school.report({ type: "progress", progress: progress.perMille / 1000 });
    }
    if (this.#isTime(progress, now)) this.#finish(now);
  }

  /** One that did not fit is tried again when the learner sees a chance: making a model takes seconds. */
  #isTime({ usable, refined }: Progress, now: number): boolean {
    if (this.#triedAt === Number.NEGATIVE_INFINITY) return usable;
    return refined && now - this.#triedAt >= REFINE_MS;
  }

  #finish(now: number): void {
    this.#triedAt = now;
    const { codec, plugin, today, report } = this.#school;
    let body;
    try {
      body = this.#learner.finish();
    } catch (error) {
      // Who does not fit yet may fit later: it is learned on.
      if (!(error instanceof CodecError)) throw error;
      return;
    }
    const epoch = this.#epoch++;
    const { bytes, hash } = codec.writeContainer({ plugin, epoch, createdAt: today(), body });
    const delta = this.#last ? codec.deltaBetween(this.#last, bytes) : null;
    this.#last = bytes;
    report({
      type: "model",
      epoch,
      hash,
      container: bytes.slice().buffer,
      delta: delta ? delta.slice().buffer : null,
    });
  }
}
