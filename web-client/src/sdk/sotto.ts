/**
 * Sotto's client library.
 *
 * ```
 * const room = await connect({ url: "https://sotto.example", token });
 * await room.publish(cameraTrack, { source: "camera" });
 * for (const slot of room.slots) {
 *   if (slot.kind === "video") renderSlot(slot, videoElement, (content) => label(content));
 * }
 * ```
 */
export { connect } from "./connect.js";
export type { ConnectOptions } from "./connect.js";
export type { VideoCodec } from "./codecs.js";
export { SottoError } from "./errors.js";
export type { NextStep, SottoErrorCode } from "./errors.js";
export { Publication } from "./publication.js";
export type { PublishOptions, SentLayer } from "./publication.js";
export type { FormState } from "./models/forms.js";
export type { ModelPolicy, ModelSource, RawReason } from "./models/messages.js";
export type { LearnOptions, ModelOptions, Models } from "./models/models.js";
export type { OwnModel } from "./models/outbound.js";
export { renderSlot } from "./render.js";
export type { RenderOptions } from "./render.js";
export type { SoundOptions, SoundPlayback } from "./sound.js";
export { Room } from "./room.js";
export type { Bandwidth, LocalParticipant, RoomEvents, RoomState } from "./room.js";
export type { Participant } from "./roster.js";
export type { SentStats } from "./sent.js";
export type {
  AudioDemand,
  Form,
  LeaveReason,
  Permissions,
  QualityLimit,
  ReceivedLayer,
  SlotContent,
  SlotLimits,
  Source,
  Speaker,
  TrackInfo,
  View,
  ViewMode,
} from "./signal.js";
export { Slot } from "./slots.js";
export type { Quality } from "./slots.js";
export type { SlotStats } from "./stats.js";
export { DEPENDENCY_DESCRIPTOR } from "./transform.js";
export type { TransformContext, TransformFactory } from "./transform.js";
export type { Viewport } from "./viewport.js";
