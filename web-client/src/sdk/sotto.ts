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
export { SottoError } from "./errors.js";
export type { NextStep, SottoErrorCode } from "./errors.js";
export { Publication } from "./publication.js";
export type { PublishOptions } from "./publication.js";
export { renderSlot } from "./render.js";
export { Room } from "./room.js";
export type { LocalParticipant, RoomEvents, RoomState } from "./room.js";
export type { Participant } from "./roster.js";
export type {
  Form,
  LeaveReason,
  Permissions,
  SlotContent,
  SlotLimits,
  Source,
  Speaker,
  TrackInfo,
  View,
  ViewMode,
} from "./signal.js";
export { Slot } from "./slots.js";
export type { SlotStats } from "./stats.js";
export { DEPENDENCY_DESCRIPTOR } from "./transform.js";
export type { TransformContext, TransformFactory } from "./transform.js";
