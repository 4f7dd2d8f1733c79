export type ClientMessage =
  | { type: "join"; version: number; token: string; name?: string | null }
  | { type: "offer"; id: number; sdp: string }
  | { type: "publish"; mid: string; source: Source; muted?: boolean; encrypted?: boolean }
  | { type: "unpublish"; mid: string }
  | { type: "mute"; mid: string; muted: boolean }
  | ({ type: "view" } & View)
  | { type: "leave" }
  | { type: "ping"; id: number };

export type ServerMessage =
  | {
      type: "welcome";
      version: number;
      room: string;
      participant: Participant;
      permissions: Permissions;
      participants: Participant[];
      limits: SlotLimits;
    }
  | { type: "answer"; id: number; sdp: string }
  | { type: "participantJoined"; participant: Participant }
  | { type: "participantLeft"; participant: string; reason: LeaveReason }
  | { type: "trackPublished"; participant: string; track: Track }
  | { type: "trackUnpublished"; participant: string; track: number }
  | { type: "trackMuted"; participant: string; track: number; muted: boolean }
  | { type: "slots"; slots: SlotAssignment[] }
  | { type: "speakers"; speakers: Speaker[] }
  | { type: "error"; code: ErrorCode; message: string; about?: string | null; fatal: boolean }
  | { type: "pong"; id: number };

export type Source = "microphone" | "camera" | "screen" | "screenAudio";
export type ViewMode = "grid" | "speaker";
export type Form = "raw";
export type LeaveReason = "left" | "connectionLost" | "replaced" | "removed";
export type ErrorCode =
  | "malformed"
  | "unknownType"
  | "unsupportedVersion"
  | "unauthorized"
  | "forbidden"
  | "badOffer"
  | "notFound"
  | "conflict"
  | "tooMuch"
  | "full"
  | "replaced"
  | "internal";

export interface Participant {
  id: string;
  shortId: number;
  identity: string;
  name: string;
  tracks: Track[];
}
export interface Track {
  id: number;
  source: Source;
  muted: boolean;
  encrypted: boolean;
}
export interface Permissions {
  publish: boolean;
  sources?: Source[] | null;
  subscribe: boolean;
  data: boolean;
  admin: boolean;
  hidden: boolean;
}
export interface SlotLimits {
  audio: number;
  video: number;
}
export interface View {
  mode?: ViewMode;
  tiles?: number | null;
  pins?: string[];
  hidden?: string[];
  offset?: number;
}
export interface SlotAssignment {
  mid: string;
  content?: SlotContent | null;
}
export interface SlotContent {
  participant: string;
  shortId: number;
  track: number;
  rtpTimestamp?: number | null;
  form: Form;
}
export interface Speaker {
  participant: string;
  level: number;
}
