// What a person agrees to, over a library that learns.

import { expect, test } from "vitest";

import { MeetingModels, formKey, progressOf } from "../../src/ui/meeting/models.svelte.js";
import type { ModelRoom } from "../../src/ui/meeting/models.svelte.js";
import type { FormState, LearnOptions, ModelSource, OwnModel, Permissions, Source } from "../../src/sdk/sotto.js";

const EVERYTHING: Permissions = { publish: true, subscribe: true, data: true, admin: false, hidden: false };

test("nothing is learned before the person agrees, and all is forgotten when that is taken back", async () => {
  const { models, publish, said, kept } = meeting();
  await publish("microphone");
  await publish("camera");
  expect(said).toEqual([]);
  await models.setAgreed("camera", true);
  await models.setAgreed("camera", true);
  expect(said).toEqual(["learn camera"]);
  await models.setAgreed("camera", false);
  await models.setAgreed("camera", true);
  expect(said).toEqual(["learn camera", "forget camera", "learn camera"]);
  expect(kept).toEqual(["camera true", "camera true", "camera false", "camera true"]);
});

test("what was agreed to before is learned from when it is published", async () => {
  const { publish, models, said } = meeting({ agreed: ["microphone"] });
  await models.settle("microphone");
  expect(said).toEqual([]);
  await publish("microphone");
  await publish("camera");
  expect(said).toEqual(["learn microphone"]);
});

test("a token that speaks of consent is followed, and not remembered for another meeting", async () => {
  const granted = meeting({ agreed: ["camera"], modelConsent: ["microphone"] });
  expect(granted.models.agreed).toEqual({ microphone: true, camera: false });
  expect(granted.models.mayAgree("camera")).toBe(false);
  await granted.publish("microphone");
  await granted.publish("camera");
  await granted.models.setAgreed("camera", true);
  expect(granted.said).toEqual(["learn microphone"]);
  await granted.models.setAgreed("microphone", false);
  expect(granted.said).toEqual(["learn microphone", "forget microphone"]);
  expect(granted.kept).toEqual([]);
});

test("what is learned is kept for the next meeting for as long as the person wants that", async () => {
  const before = meeting({ agreed: ["camera"], keep: true });
  await before.publish("camera");
  await before.models.setKeep(false);
  expect(before.said).toEqual(["learn camera, kept", "keep false"]);
  expect(before.kept).toEqual(["keep false"]);
  expect(before.models.keptDays).toBe(30);
});

test("a library that cannot learn is said once, and may be asked again", async () => {
  const { models, publish, said, complaints, room } = meeting({ agreed: ["camera"] });
  room.fails = true;
  await publish("camera");
  expect([said, complaints]).toEqual([[], ["no codec"]]);
  room.fails = false;
  await models.setAgreed("camera", true);
  expect(said).toEqual(["learn camera"]);
});

test("where a model stands and why somebody comes raw is said in words", () => {
  const own: OwnModel = { source: "camera", state: "given", learner: "device", progress: 1, epoch: 2, gate: "green", sent: true };
  expect(progressOf(null).key).toBe("models.waiting");
  expect(progressOf({ ...own, state: "learning", progress: 0.419 })).toEqual({ key: "models.learning", percent: 41 });
  const there = { ...own, learner: "node", progress: 0.5 } as const;
  const keys = (["waiting", "learning", "refused", "given"] as const).map((state) => progressOf({ ...there, state }).key);
  expect(keys).toEqual(["models.busy", "models.learningThere", "models.refused", "models.sent"]);
  expect(progressOf(own).key).toBe("models.sent");
  expect(progressOf({ ...own, sent: false }).key).toBe("models.ready");
  expect(progressOf({ ...own, gate: "amber" }).key).toBe("models.unfit");
  const form: Pick<FormState, "form" | "reason"> = { form: "raw", reason: "gateTripped" };
  expect(formKey(form as FormState)).toBe("reason.gateTripped");
  expect(formKey({ ...form, reason: null } as FormState)).toBe("form.raw");
  expect(formKey({ form: "model", reason: null } as FormState)).toBe("form.model");
});

/** A meeting whose library writes down what it is asked. */
function meeting(options: { agreed?: ModelSource[]; keep?: boolean; modelConsent?: Source[] } = {}) {
  const said: string[] = [];
  const kept: string[] = [];
  const complaints: string[] = [];
  const publications = new Map<Source, never>();
  const { agreed = [], modelConsent } = options;
  const library = { fails: false };
  const room = {
    models: {
      enabled: true,
      problem: null,
      policy: "balanced",
      forms: [],
      learn(source: ModelSource, { keep }: LearnOptions) {
        if (library.fails) return Promise.reject(new Error("no codec"));
        said.push(keep ? `learn ${source}, kept` : `learn ${source}`);
        return Promise.resolve();
      },
      keep: (keep: boolean) => {
        said.push(`keep ${keep}`);
        return Promise.resolve();
      },
      keptDays: () => Promise.resolve(30),
      forget: (source: ModelSource) => said.push(`forget ${source}`),
    },
    local: { permissions: modelConsent ? { ...EVERYTHING, modelConsent } : EVERYTHING, publications },
    on: () => () => undefined,
  };
  const agreement = {
    microphone: agreed.includes("microphone"),
    camera: agreed.includes("camera"),
    keep: options.keep ?? false,
    set: (source: ModelSource, is: boolean) => kept.push(`${source} ${is}`),
    setKeep: (is: boolean) => kept.push(`keep ${is}`),
  };
  const models = new MeetingModels(room as unknown as ModelRoom, agreement, (error) =>
    complaints.push((error as Error).message),
  );
  const publish = (source: ModelSource) => {
    publications.set(source, undefined as never);
    return models.settle(source);
  };
  return { models, room: library, publish, said, kept, complaints };
}
