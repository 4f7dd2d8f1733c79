import type {
  ClientMessage,
  DiskCopy,
  Form,
  LearnerState,
  LearningPlace,
  ModelDemand,
  ModelTransport,
  PluginSupport,
  Policy,
  RawReason,
  ReceivedForm,
  Server,
} from "../signal.js";

export type { DiskCopy, LearnerState, LearningPlace, ModelDemand, ModelTransport, PluginSupport, RawReason };

/** Sources of which there can be models. */
export type ModelSource = "microphone" | "camera";

/** The form in which one person's voice or picture comes. */
export type PlayedForm = Form;

/** How a subscriber wants to be served. */
export type ModelPolicy = Policy;

/** In which form one source of one person comes from now on. */
export type FormNotice = ReceivedForm;

/** A model that is to be fetched. */
export type FetchModel = Server<"fetchModel">;

/** A model that is to be forgotten. */
export type ForgetModel = Server<"forgetModel">;

/** Whether a copy of a model may be kept on disk. */
export type ModelCopy = Server<"modelCopy">;

/** What the node's learner of a source of one's own does. */
export type LearnerNotice = Server<"learner">;

/** A model of one's own that the node has learned. */
export type LearnedNotice = Server<"modelLearned">;

/** What a client says of models. */
export type ModelClientMessage = Extract<
  ClientMessage,
  {
    type:
      | "modelSupport"
      | "gate"
      | "learning"
      | "modelHeld"
      | "modelFailed"
      | "switched"
      | "policy"
      | "consent"
      | "uplink";
  }
>;

/** What the node says of models. */
export type ModelServerMessage = Server<
  | "fetchModel"
  | "forgetModel"
  | "modelCopy"
  | "forms"
  | "modelDemand"
  | "modelAccepted"
  | "learner"
  | "modelLearned"
>;

/** Plug-ins 0 to 7 are of sound, 8 to 15 of pictures. */
export function sourceOf(plugin: number): ModelSource {
  return plugin < 8 ? "microphone" : "camera";
}

/** Whether there can be models of this source. */
export function isModelSource(source: string): source is ModelSource {
  return source === "microphone" || source === "camera";
}
