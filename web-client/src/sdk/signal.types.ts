// @generated from docs/signalling.schema.json by `npm run types`. Do not edit.

/**
 * What a client says.
 */
export type ClientMessage =
  | {
      /**
       * Name to show, if the token has none.
       */
      name?: string | null;
      /**
       * How it may come back; absent: a connection that breaks is lost at once.
       */
      resumption?: JoinResumption | null;
      /**
       * Access token (JWT). Never in a URL.
       */
      token: string;
      type: "join";
      /**
       * Protocol version of the client: [`PROTOCOL_VERSION`].
       */
      version: number;
    }
  | {
      /**
       * How many messages of the node the client has had in this session, `welcome` included,
       * `resumed` not.
       */
      received: number;
      token: AccessKey;
      type: "resume";
      /**
       * Protocol version of the client: [`PROTOCOL_VERSION`].
       */
      version: number;
    }
  | {
      /**
       * Chosen by the client, comes back in the answer.
       */
      id: number;
      /**
       * Which of its m-lines carry models' frames.
       */
      models?: ModelLines | null;
      /**
       * The session description.
       */
      sdp: string;
      type: "offer";
    }
  | {
      /**
       * Whether the payload is encrypted end to end: the node then reads header extensions
       * alone.
       */
      encrypted?: boolean;
      /**
       * What the encoder makes, smallest first. Empty: one layer of unknown size.
       */
      layers?: PublishedLayer[];
      mid: Mid;
      /**
       * Whether it starts muted.
       */
      muted?: boolean;
      source: Source;
      type: "publish";
    }
  | {
      /**
       * The layers, smallest first.
       */
      layers: PublishedLayer[];
      mid: Mid;
      type: "layers";
    }
  | {
      mid: Mid;
      type: "unpublish";
    }
  | {
      mid: Mid;
      /**
       * The new state.
       */
      muted: boolean;
      type: "mute";
    }
  | (View & {
      type: "view";
    })
  | {
      /**
       * The slots.
       */
      slots: SlotViewport[];
      type: "viewport";
    }
  | (ModelSupport & {
      type: "modelSupport";
    })
  | {
      policy: Policy;
      type: "policy";
    }
  | {
      /**
       * Of a microphone: until there is a model of it, it can be sent in the generic one of this
       * plug-in, to those whose lines are thin.
       */
      generic?: GenericModel | null;
      /**
       * Whether it may be used.
       */
      granted: boolean;
      source: Source;
      type: "consent";
    }
  | {
      /**
       * In bits per second.
       */
      bitrate: number;
      type: "uplink";
    }
  | {
      source: Source;
      state: LearningState;
      type: "learning";
    }
  | {
      source: Source;
      state: GateState;
      type: "gate";
    }
  | (ModelEpoch & {
      type: "modelHeld";
    })
  | {
      /**
       * Which.
       */
      epoch: number;
      participant: ParticipantId;
      reason: ModelFailure;
      source: Source;
      type: "modelFailed";
    }
  | (FormSwitched & {
      type: "switched";
    })
  | {
      type: "leave";
    }
  | {
      /**
       * Comes back.
       */
      id: number;
      type: "ping";
    };
/**
 * A secret: a bearer token, or what something is encrypted with. Not shown where messages are printed.
 */
export type AccessKey = string;
export type Mid = string;
export type Rid = string;
/**
 * What kind of thing a publication shows or lets hear.
 */
export type Source = "microphone" | "camera" | "screen" | "screenAudio";
/**
 * A participant, for as long as it is in the room, across reconnections.
 */
export type ParticipantId = string;
/**
 * How cameras are ordered in a [`View`].
 */
export type ViewMode = "grid" | "speaker";
/**
 * Whether a device decodes a plug-in's frames.
 */
export type Decoding = "yes" | "no" | "tooSlow";
/**
 * How model packets and bundles travel.
 */
export type ModelTransport = "rtp" | "data";
/**
 * How eagerly a subscriber is served models instead of raw media.
 */
export type Policy = "quality" | "balanced" | "frugal";
/**
 * What a client's learner is doing while there is no model yet.
 */
export type LearningState = "learning" | "busy" | "node";
/**
 * What the gate of a publisher's encoder says: whether the model fits what is there.
 */
export type GateState = "green" | "amber" | "red";
/**
 * Why a client has no use for a model that it was told to fetch.
 */
export type ModelFailure = "fetch" | "corrupt" | "unsupported" | "decoder";
/**
 * The form in which a track is received.
 */
export type Form = "raw" | "model";
/**
 * What the node says.
 */
export type ServerMessage =
  | {
      /**
       * STUN and TURN servers for this connection, as `RTCConfiguration` takes them.
       */
      iceServers?: IceServer[];
      limits: SlotLimits;
      /**
       * How models are had; absent where they are not used.
       */
      models?: ModelAccess | null;
      participant: Participant;
      /**
       * Everyone else who is visible, with their tracks.
       */
      participants: Participant[];
      permissions: Permissions;
      /**
       * How to come back; absent if the client did not say that it can, or the node does not wait.
       */
      resumption?: Resumption | null;
      /**
       * Name of the room.
       */
      room: string;
      type: "welcome";
      /**
       * Protocol version of the node.
       */
      version: number;
    }
  | {
      /**
       * How many messages of the client the node has had in this session, `join` included,
       * `resume` not.
       */
      received: number;
      type: "resumed";
    }
  | {
      /**
       * The `id` of the offer.
       */
      id: number;
      /**
       * The session description.
       */
      sdp: string;
      type: "answer";
    }
  | {
      participant: Participant;
      type: "participantJoined";
    }
  | {
      participant: Participant;
      type: "participantReturned";
    }
  | {
      participant: ParticipantId;
      reason: LeaveReason;
      type: "participantLeft";
    }
  | {
      participant: ParticipantId;
      track: Track;
      type: "trackPublished";
    }
  | {
      participant: ParticipantId;
      track: TrackId;
      type: "trackUnpublished";
    }
  | {
      /**
       * The new state.
       */
      muted: boolean;
      participant: ParticipantId;
      track: TrackId;
      type: "trackMuted";
    }
  | {
      /**
       * The changes.
       */
      slots: SlotAssignment[];
      type: "slots";
    }
  | {
      /**
       * The changes.
       */
      slots: SlotQuality[];
      type: "quality";
    }
  | {
      /**
       * How to code a voice; `None` for video.
       */
      audio?: AudioDemand | null;
      /**
       * Each layer of a video; empty for audio.
       */
      layers?: LayerDemand[];
      mid: Mid;
      type: "demand";
    }
  | {
      /**
       * The changes.
       */
      forms: ReceivedForm[];
      type: "forms";
    }
  | (FetchModel & {
      type: "fetchModel";
    })
  | (ForgetModel & {
      type: "forgetModel";
    })
  | (ModelCopy & {
      type: "modelCopy";
    })
  | {
      /**
       * Its epoch.
       */
      epoch: number;
      source: Source;
      type: "modelAccepted";
    }
  | {
      /**
       * How much it has of what it would like to have, 0 to 1000.
       */
      perMille: number;
      source: Source;
      state: LearnerState;
      type: "learner";
    }
  | (LearnedModel & {
      type: "modelLearned";
    })
  | (ModelDemand & {
      type: "modelDemand";
    })
  | {
      /**
       * Bits per second that the node sends you, as allocated.
       */
      allocated: number;
      /**
       * Bits per second on the wire, as estimated.
       */
      estimate: number;
      type: "bandwidth";
      /**
       * Bits per second that everything you want to see would take in its best layer.
       */
      wanted: number;
    }
  | {
      /**
       * The participants that speak now; the first one is the dominant speaker.
       */
      speakers: Speaker[];
      type: "speakers";
    }
  | {
      /**
       * `type` of the message that was refused, where there was one.
       */
      about?: string | null;
      code: ErrorCode;
      /**
       * Whether the node closes the connection after this.
       */
      fatal: boolean;
      /**
       * What a person reads. English.
       */
      message: string;
      type: "error";
    }
  | {
      /**
       * The `id` of the ping.
       */
      id: number;
      type: "pong";
    };
/**
 * Where models are learned.
 */
export type LearningPlace = "publisher" | "node" | "auto";
/**
 * A participant's number within its room: small, never zero, never given to a second participant
 * while the room exists. Travels as the CSRC of slot packets.
 */
export type ShortId = number;
/**
 * A published track. Unique within the node.
 */
export type TrackId = number;
/**
 * Why somebody left.
 */
export type LeaveReason = "left" | "connectionLost" | "replaced" | "removed";
/**
 * RTP timestamp in units of the codec's clock (RFC 3550 section 5.1): arithmetic is modulo 2^32.
 */
export type RtpTime = number;
/**
 * What keeps a slot from being served, or from being served better.
 */
export type QualityLimit = "bandwidth" | "viewport" | "codec" | "publisher";
/**
 * Why a track is received raw.
 */
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
  | "policy"
  | "stalled";
/**
 * What the node's learner of a client's source is doing.
 */
export type LearnerState = "waiting" | "learning" | "finished" | "refused";
/**
 * What a client does next depends on this.
 */
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

export interface SignalMessages {
  client: ClientMessage;
  server: ServerMessage;
}
/**
 * What a client that can come back says when it joins.
 */
export interface JoinResumption {
  /**
   * [`Resumption::token`] of its last session, whose participant it is to be again: where that
   * session can no longer go on, also behind a restart of the node. One that is not of this
   * identity and room is passed over.
   */
  token?: AccessKey | null;
}
/**
 * Which m-lines of an offer carry models' frames: neither is a publication, nor a slot.
 */
export interface ModelLines {
  /**
   * A receiving audio m-line: the bundle stream to the client.
   */
  receive?: Mid | null;
  /**
   * A sending audio m-line: the client's model stream.
   */
  send?: Mid | null;
}
/**
 * One layer that a publisher's encoder can make.
 */
export interface PublishedLayer {
  /**
   * Height in pixels.
   */
  height: number;
  /**
   * Upper limit of its encoder in bits per second, where there is one.
   */
  maxBitrate?: number | null;
  /**
   * Its simulcast tag; none without simulcast.
   */
  rid?: Rid | null;
  /**
   * Layers inside of it (W3C WebRTC-SVC, for example `L3T3_KEY`); none: one.
   */
  scalabilityMode?: string | null;
  /**
   * Width in pixels.
   */
  width: number;
}
/**
 * What the page shows. The node fills video slots in this order: pins, shared screens, then
 * cameras by `mode`; hidden ones never.
 */
export interface View {
  /**
   * Participants whose video is not wanted.
   */
  hidden?: ParticipantId[];
  mode?: ViewMode;
  /**
   * Grid only: how many cameras to pass over, for paging.
   */
  offset?: number;
  /**
   * Participants shown before all others, in this order.
   */
  pins?: ParticipantId[];
  /**
   * Video slots that the page can show now; the rest stay empty. `None`: all.
   */
  tiles?: number | null;
}
/**
 * How large a slot is shown.
 */
export interface SlotViewport {
  /**
   * Height in device pixels; zero: as for the width.
   */
  height: number;
  mid: Mid;
  /**
   * Width in device pixels; zero: it cannot be seen, and nothing is sent on it.
   */
  width: number;
}
/**
 * What a client can show in model form.
 */
export interface ModelSupport {
  /**
   * The plug-ins that it knows, at most 16.
   */
  plugins: PluginSupport[];
  transport: ModelTransport;
}
/**
 * What a client can do with one plug-in.
 */
export interface PluginSupport {
  decode: Decoding;
  /**
   * Its number on the wire, 0 to 15.
   */
  plugin: number;
  /**
   * The version of its models and frames.
   */
  version: number;
}
/**
 * The model of a plug-in that knows no speaker, epoch 0: everybody who has the plug-in in that version
 * has it, so it is never fetched.
 */
export interface GenericModel {
  /**
   * The plug-in's number on the wire, 0 to 7: of sound.
   */
  plugin: number;
  /**
   * The version of its models and frames.
   */
  version: number;
}
/**
 * One epoch of the model of one source.
 */
export interface ModelEpoch {
  /**
   * Which.
   */
  epoch: number;
  participant: ParticipantId;
  source: Source;
}
/**
 * A client plays the other form now.
 */
export interface FormSwitched {
  form: Form;
  participant: ParticipantId;
  source: Source;
}
/**
 * Servers with the same credentials: an `RTCIceServer`.
 */
export interface IceServer {
  /**
   * Password, for TURN. Good for hours, not for ever.
   */
  credential?: AccessKey | null;
  /**
   * Where they are: `stun:`, `turn:`, `turns:`.
   */
  urls: string[];
  /**
   * User name, for TURN.
   */
  username?: string | null;
}
/**
 * How many receive slots one connection may have.
 */
export interface SlotLimits {
  /**
   * Audio slots.
   */
  audio: number;
  /**
   * Video slots.
   */
  video: number;
}
/**
 * Models, as a client that enters is told of them.
 */
export interface ModelAccess {
  key: AccessKey;
  learn: LearningPlace;
  policy: Policy;
}
/**
 * A participant, as others see it.
 */
export interface Participant {
  id: ParticipantId;
  /**
   * Who the token says it is.
   */
  identity: string;
  /**
   * What to call it.
   */
  name: string;
  shortId: ShortId;
  /**
   * What it publishes.
   */
  tracks: Track[];
}
/**
 * A publication.
 */
export interface Track {
  /**
   * Whether its payload is encrypted end to end.
   */
  encrypted: boolean;
  id: TrackId;
  /**
   * Whether it is muted.
   */
  muted: boolean;
  source: Source;
}
/**
 * The grants of the token, as the node enforces them.
 */
export interface Permissions {
  /**
   * May moderate.
   */
  admin: boolean;
  /**
   * May send on data channels.
   */
  data: boolean;
  /**
   * Is not shown to others.
   */
  hidden: boolean;
  /**
   * Of which of these the person agrees that models are learned and used, as whoever made the
   * token knows; `None`: the client asks. What is not listed may not be learned.
   */
  modelConsent?: Source[] | null;
  /**
   * May publish.
   */
  publish: boolean;
  /**
   * What may be published; `None`: everything.
   */
  sources?: Source[] | null;
  /**
   * May receive media.
   */
  subscribe: boolean;
}
/**
 * How a session goes on behind a websocket that broke.
 */
export interface Resumption {
  /**
   * Another one whenever the node starts: whoever finds a new one is early, and others who were in
   * the room may be on their way back.
   */
  node: string;
  token: AccessKey;
  /**
   * How long the node waits, in milliseconds from when it finds the websocket broken.
   */
  windowMs: number;
}
/**
 * What a slot carries from now on.
 */
export interface SlotAssignment {
  /**
   * What it carries; `None`: nothing.
   */
  content?: SlotContent | null;
  mid: Mid;
}
/**
 * Whom a slot is pointed at. In which form that comes, [`ServerMessage::Forms`] says.
 */
export interface SlotContent {
  /**
   * When the media of that timestamp was captured, on the node's wall clock, in microseconds
   * since the Unix epoch: what a client needs to play one person's voice and picture together,
   * since they come in slots that no browser pairs by itself. `None` until the publisher's
   * clock is known, then sent again with it, and whenever it moved by more than 5 ms.
   */
  captureTime?: number | null;
  participant: ParticipantId;
  /**
   * The first RTP timestamp that belongs to this content; `None` until the first packet went
   * out, then sent again with it.
   */
  rtpTimestamp?: RtpTime | null;
  shortId: ShortId;
  track: TrackId;
}
/**
 * In which quality a slot is served.
 */
export interface SlotQuality {
  /**
   * The layer that is sent; `None`: nothing is, and `limit` says why.
   */
  layer?: ReceivedLayer | null;
  /**
   * Why nothing is sent, or why it is not the best layer.
   */
  limit?: QualityLimit | null;
  mid: Mid;
}
/**
 * The layer that a slot carries.
 */
export interface ReceivedLayer {
  /**
   * Its height in pixels, where known.
   */
  height?: number | null;
  /**
   * Simulcast tag; none without simulcast.
   */
  rid?: Rid | null;
  /**
   * Highest spatial layer that is sent, from 0.
   */
  spatial: number;
  /**
   * Highest temporal layer that is sent, from 0.
   */
  temporal: number;
}
/**
 * How a voice is to be coded.
 */
export interface AudioDemand {
  /**
   * Whether it is to be sent at all; not while everybody hears its model.
   */
  active?: boolean;
  /**
   * Whether nothing is to be sent in silence (discontinuous transmission).
   */
  dtx: boolean;
  /**
   * Upper limit of the encoder in bits per second; `None`: as the publisher likes.
   */
  maxBitrate?: number | null;
  /**
   * Length of a packet in milliseconds: 20 or 60.
   */
  packetTime: number;
  /**
   * Whether packets are to carry their predecessors (RFC 2198).
   */
  red: boolean;
}
/**
 * Which layer of a publication is wanted by anybody.
 */
export interface LayerDemand {
  /**
   * Whether it is to be sent.
   */
  active: boolean;
  /**
   * Its simulcast tag; none without simulcast.
   */
  rid?: Rid | null;
}
/**
 * In which form one track reaches a subscriber.
 */
export interface ReceivedForm {
  /**
   * When the media of that time was captured, on the node's wall clock, in microseconds since the
   * Unix epoch. Sent again whenever it moved by more than 5 ms.
   */
  captureTime?: number | null;
  /**
   * The epoch of the model that is on its way, or that frames are of.
   */
  epoch?: number | null;
  form: Form;
  /**
   * Whether both forms are sent: the client goes over and says [`FormSwitched`].
   */
  overlap: boolean;
  participant: ParticipantId;
  /**
   * The plug-in of that model.
   */
  plugin?: number | null;
  /**
   * Why it is raw; `None` for models.
   */
  reason?: RawReason | null;
  shortId: ShortId;
  source: Source;
  /**
   * A media time of the model stream in milliseconds, modulo 2^32, whose capture time is known.
   */
  timestamp?: number | null;
}
/**
 * A model that a client is to fetch now.
 */
export interface FetchModel {
  /**
   * A model that the client holds, from which the node can give the difference.
   */
  base?: string | null;
  /**
   * At which rate the node will send it, in bits per second: it is part of what the line carries.
   */
  bitrate: number;
  /**
   * Bytes of the whole container.
   */
  bytes: number;
  /**
   * The epoch.
   */
  epoch: number;
  /**
   * Its name: 64 hexadecimal digits.
   */
  hash: string;
  participant: ParticipantId;
  /**
   * The plug-in.
   */
  plugin: number;
  source: Source;
  /**
   * Its version.
   */
  version: number;
}
/**
 * A model that a client is to forget, with everything that was made of it.
 */
export interface ForgetModel {
  /**
   * Its name: 64 hexadecimal digits.
   */
  hash: string;
  /**
   * Its speaker only left: a copy on disk that was allowed may stay there.
   */
  left?: boolean;
  participant: ParticipantId;
  source: Source;
}
/**
 * Whether a client may keep a copy of a model on disk.
 */
export interface ModelCopy {
  /**
   * How; absent: a copy that was made is to be removed.
   */
  copy?: DiskCopy | null;
  /**
   * Its name: 64 hexadecimal digits.
   */
  hash: string;
  participant: ParticipantId;
  source: Source;
}
/**
 * How a copy of a model may be kept on disk: encrypted, and not for ever.
 */
export interface DiskCopy {
  /**
   * When it is to be removed, in seconds since 1970.
   */
  expires: number;
  key: AccessKey;
}
/**
 * A model that the node has learned of the client's own source. It is used once the client, which
 * encodes with it, has fetched it and uploaded it without a body.
 */
export interface LearnedModel {
  /**
   * Bytes of the whole container.
   */
  bytes: number;
  /**
   * The epoch.
   */
  epoch: number;
  /**
   * Its name: 64 hexadecimal digits.
   */
  hash: string;
  /**
   * The plug-in.
   */
  plugin: number;
  source: Source;
  /**
   * Its version.
   */
  version: number;
}
/**
 * What anybody needs of a publisher's model stream.
 */
export interface ModelDemand {
  /**
   * Media time of one packet in milliseconds: 40, 80 or 120.
   */
  packetTime: number;
  /**
   * How many earlier blocks each packet repeats: 0 or 1.
   */
  redundancy: number;
  /**
   * Each source that has a model.
   */
  sources: SourceDemand[];
}
/**
 * What anybody needs of one source's model form.
 */
export interface SourceDemand {
  /**
   * Whether frames are to be sent.
   */
  active: boolean;
  /**
   * In which epoch.
   */
  epoch: number;
  source: Source;
}
/**
 * A participant that speaks.
 */
export interface Speaker {
  /**
   * Smoothed loudness in -dBov (RFC 6464): 0 is the loudest, 127 is silence.
   */
  level: number;
  participant: ParticipantId;
}
