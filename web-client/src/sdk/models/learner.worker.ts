// Learns a model of one source of one's own, beside everything that must be in time.

import type { LearnerCommand, LearnerMedia, LearnerReport } from "./capture.protocol.js";
import { Codec } from "./codec.js";
import type { Learner, Progress } from "./codec.js";

/** Least time between two models: each is fetched by everybody. */
const REFINE_MS = 10_000;
/** How often progress is told, ms. */
const TELL_MS = 500;

/** What a worker has, and TypeScript's types of a page have not. */
interface Scope {
  onmessage: ((event: MessageEvent<LearnerCommand>) => void) | null;
  postMessage(message: LearnerReport): void;
}

const scope = self as unknown as Scope;

scope.onmessage = ({ data }) => {
  const { module, plugin, epoch, media } = data;
  const lessons = new Lessons(new Codec(module), plugin, epoch);
  media.onmessage = ({ data: lesson }: MessageEvent<LearnerMedia>) => {
    lessons.take(lesson);
    // A picture was learned from: the next one may come.
    if (lesson.type === "picture") media.postMessage(null);
  };
};

class Lessons {
  readonly #codec: Codec;
  readonly #plugin: number;
  readonly #learner: Learner;
  #epoch: number;
  #last: { container: Uint8Array; at: number } | null = null;
  #told = Number.NEGATIVE_INFINITY;

  constructor(codec: Codec, plugin: number, epoch: number) {
    this.#codec = codec;
    this.#plugin = plugin;
    this.#epoch = epoch;
    this.#learner = codec.createLearner(plugin);
  }

  take(lesson: LearnerMedia): void {
    const progress =
      lesson.type === "sound"
        ? this.#learner.pushSound(lesson.samples, lesson.rate)
        : this.#learner.pushPicture(lesson.pixels, lesson.width, lesson.height);
    const now = performance.now();
    if (!this.#last && now - this.#told >= TELL_MS) {
      this.#told = now;
      scope.postMessage({ type: "progress", progress: progress.perMille / 1000 });
    }
    if (this.#isTime(progress, now)) this.#finish(now);
  }

  #isTime({ usable, refined }: Progress, now: number): boolean {
    if (!this.#last) return usable;
    return refined && now - this.#last.at >= REFINE_MS;
  }

  #finish(now: number): void {
    const body = this.#learner.finish();
    const epoch = this.#epoch++;
    const { bytes, hash } = this.#codec.writeContainer({
      plugin: this.#plugin,
      epoch,
      createdAt: Date.now(),
      body,
    });
    const delta = this.#last ? this.#codec.deltaBetween(this.#last.container, bytes) : null;
    this.#last = { container: bytes, at: now };
    scope.postMessage({
      type: "model",
      epoch,
      hash,
      container: bytes.slice().buffer,
      delta: delta ? delta.slice().buffer : null,
    });
  }
}
