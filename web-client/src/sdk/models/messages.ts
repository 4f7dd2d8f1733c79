/** Sources of which there can be models. */
export type ModelSource = "microphone" | "camera";

/** The form in which one person's voice or picture comes. */
export type PlayedForm = "raw" | "model";

/** Why something comes raw. */
export type RawReason =
  | "learning"
  | "learnersBusy"
  | "noModelSupport"
  | "tooSlow"
  | "gateTripped"
  | "notFetched"
  | "disabled"
  | "notInCanary"
  | "lossyModel"
  | "policy";

/** How a subscriber wants to be served. */
export type ModelPolicy = "quality" | "balanced" | "frugal";

/** How the model stream travels: on its own m-lines, or on the data channel `models`. */
export type ModelTransport = "rtp" | "data";

/** Whether a model of one plug-in can be played here, and in time. */
export interface PluginSupport {
  plugin: number;
  version: number;
  decode: "yes" | "no" | "tooSlow";
}

/** In which form one source of one person comes from now on. */
export interface FormNotice {
  participant: string;
  shortId: number;
  source: ModelSource;
  /** What is to be played. */
  form: PlayedForm;
  reason?: RawReason | null;
  /** The epoch that is being fetched. */
  fetching?: number | null;
  epoch?: number | null;
  plugin?: number | null;
  /** A media time of the publisher, ms, and when that was captured, µs on the node's clock. */
  timestamp?: number | null;
  captureTime?: number | null;
  /** Both forms are sent now: go over when `form` is ready, then say `switched`. */
  overlap: boolean;
}

/** A model that is to be fetched. */
export interface FetchModel {
  participant: string;
  source: ModelSource;
  plugin: number;
  version: number;
  epoch: number;
  /** SHA-256 at the end of the container, 64 hexadecimal digits. */
  hash: string;
  bytes: number;
  /** A model that this client holds already: the delta is enough. */
  base?: string | null;
  /** At which the node sends it, bit/s. */
  bitrate: number;
}

/** Which model forms anybody needs of this publisher. */
export interface ModelDemand {
  sources: { source: ModelSource; active: boolean; epoch?: number | null }[];
  /** Time that one packet covers, ms. */
  packetTime: 40 | 80 | 120;
  /** How many blocks before its own each packet repeats. */
  redundancy: 0 | 1;
}

/** What a client says of models. */
export type ModelClientMessage =
  | { type: "modelSupport"; plugins: PluginSupport[]; transport: ModelTransport }
  | { type: "gate"; source: ModelSource; state: "green" | "amber" | "red" }
  | {
      type: "learning";
      source: ModelSource;
      state: "learning" | "busy" | "refused";
      progress?: number;
    }
  | { type: "modelHeld"; participant: string; source: ModelSource; epoch: number }
  | {
      type: "modelFailed";
      participant: string;
      source: ModelSource;
      epoch: number;
      reason: "fetch" | "corrupt" | "unsupported" | "decoder";
    }
  | { type: "switched"; participant: string; source: ModelSource; form: PlayedForm }
  | { type: "policy"; policy: ModelPolicy }
  | { type: "consent"; source: ModelSource; granted: boolean };

/** What the node says of models. */
export type ModelServerMessage =
  | (FetchModel & { type: "fetchModel" })
  | { type: "forgetModel"; participant: string; source: ModelSource; hash: string }
  | { type: "forms"; forms: FormNotice[] }
  | (ModelDemand & { type: "modelDemand" })
  | { type: "modelAccepted"; source: ModelSource; epoch: number; hash: string };

/** What `welcome` says of models; absent where they are disabled. */
export interface ModelWelcome {
  /** Bearer secret of this connection for `/v1/models`. */
  key: string;
  policy: ModelPolicy;
}

/** Plug-ins 0 to 7 are of sound, 8 to 15 of pictures. */
export function sourceOf(plugin: number): ModelSource {
  return plugin < 8 ? "microphone" : "camera";
}
