// Learns a model of one source of one's own, beside everything that must be in time: see lessons.ts
// for when it is worth a new epoch.

import type { LearnerCommand, LearnerMedia, LearnerReport } from "./capture.protocol.js";
import { Codec } from "./codec.js";
import { Lessons } from "./lessons.js";

/** What a worker has, and TypeScript's types of a page have not. */
interface Scope {
  onmessage: ((event: MessageEvent<LearnerCommand>) => void) | null;
  postMessage(message: LearnerReport): void;
}

const scope = self as unknown as Scope;

scope.onmessage = ({ data }) => {
  const { module, plugin, epoch, media } = data;
  const lessons = new Lessons({
    codec: new Codec(module),
    plugin,
    epoch,
    now: () => performance.now(),
    today: () => Date.now(),
    report: (report) => scope.postMessage(report),
  });
  media.onmessage = ({ data: lesson }: MessageEvent<LearnerMedia>) => {
    lessons.take(lesson);
    // A picture was learned from: the next one may come.
    if (lesson.type === "picture") media.postMessage(null);
  };
};
