import { SottoError } from "./errors.js";
import type { ClientMessage, ServerMessage } from "./signal.types.js";

export type {
  AudioDemand,
  ClientMessage,
  DiskCopy,
  ErrorCode,
  Form,
  IceServer,
  LayerDemand,
  LearnerState,
  LearningPlace,
  LeaveReason,
  ModelAccess,
  ModelDemand,
  ModelLines,
  ModelTransport,
  Permissions,
  PluginSupport,
  Policy,
  PublishedLayer,
  QualityLimit,
  RawReason,
  ReceivedForm,
  ReceivedLayer,
  Resumption,
  ServerMessage,
  SlotAssignment,
  SlotContent,
  SlotLimits,
  SlotQuality,
  SlotViewport,
  Source,
  Speaker,
  View,
  ViewMode,
} from "./signal.types.js";
export type { Participant as ParticipantInfo, Track as TrackInfo } from "./signal.types.js";

/** The version of the signalling protocol that this library speaks. */
export const PROTOCOL_VERSION = 1;

/** Longest message in either direction, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** One kind of message of the node. */
export type Server<Type extends ServerMessage["type"]> = Extract<ServerMessage, { type: Type }>;

// A record, so that the compiler finds the type that was forgotten.
const SERVER_TYPES: Record<ServerMessage["type"], true> = {
  welcome: true,
  resumed: true,
  answer: true,
  participantJoined: true,
  participantReturned: true,
  participantLeft: true,
  trackPublished: true,
  trackUnpublished: true,
  trackMuted: true,
  slots: true,
  quality: true,
  demand: true,
  forms: true,
  fetchModel: true,
  forgetModel: true,
  modelCopy: true,
  modelAccepted: true,
  learner: true,
  modelLearned: true,
  modelDemand: true,
  bandwidth: true,
  speakers: true,
  error: true,
  pong: true,
};

/** Reads one text frame of the node. Throws a `SottoError` that names an unknown type. */
export function parseServerMessage(text: string): ServerMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (cause) {
    throw new SottoError("malformed", "the node sent a frame that is not JSON", { cause });
  }
  const type =
    typeof message === "object" && message !== null ? (message as { type?: unknown }).type : null;
  if (typeof type !== "string") {
    throw new SottoError("malformed", "the node sent a message without a type");
  }
  if (!Object.hasOwn(SERVER_TYPES, type)) {
    throw new SottoError("unknownType", `the node sent a message of unknown type "${type}"`);
  }
  return message as ServerMessage;
}

/** Writes one text frame. Throws a `SottoError` if the node would refuse it for its length. */
export function formatClientMessage(message: ClientMessage): string {
  const text = JSON.stringify(message);
  // A UTF-16 unit is at most 3 bytes of UTF-8: count only what could be too long.
  if (text.length * 3 > MAX_MESSAGE_BYTES && byteLength(text) > MAX_MESSAGE_BYTES) {
    throw new SottoError("tooMuch", `a message of more than ${MAX_MESSAGE_BYTES} bytes`, {
      about: message.type,
    });
  }
  return text;
}

/** Length of a text in bytes of UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
