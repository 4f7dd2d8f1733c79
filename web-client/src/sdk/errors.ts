import type { ErrorCode } from "./signal.js";

/** What went wrong: the node's own codes, and those that only a client can meet. */
export type SottoErrorCode =
  | ErrorCode
  /** The websocket could not be opened, or closed before the node let us in. */
  | "unreachable"
  /** The node did not answer in time. */
  | "timeout"
  /** No media path: ICE or DTLS failed. */
  | "mediaFailed"
  /** This browser lacks something that the library needs. */
  | "unsupported"
  /** No models here: the room has none, or this browser cannot decode them. All else goes on. */
  | "noModels"
  /** The room was left, or the argument makes no sense. Fix the caller. */
  | "usage";

/** What a caller does next. */
export type NextStep =
  /** Try the same again, after a pause. */
  | "retry"
  /** Get a new token, then try again. */
  | "newToken"
  /** Ask the person for something else: it is not allowed, or someone took the place. */
  | "giveUp"
  /** A fault in the program that calls the library, or in the library itself. */
  | "fixCaller";

const NEXT: Record<SottoErrorCode, NextStep> = {
  malformed: "fixCaller",
  unknownType: "fixCaller",
  unsupportedVersion: "giveUp",
  unauthorized: "newToken",
  forbidden: "giveUp",
  badOffer: "fixCaller",
  notFound: "fixCaller",
  conflict: "fixCaller",
  tooMuch: "retry",
  full: "retry",
  replaced: "giveUp",
  internal: "retry",
  unreachable: "retry",
  timeout: "retry",
  mediaFailed: "retry",
  unsupported: "giveUp",
  noModels: "giveUp",
  usage: "fixCaller",
};

/** Every failure of the library, sorted by what the caller does next. */
export class SottoError extends Error {
  override readonly name = "SottoError";
  readonly code: SottoErrorCode;
  readonly next: NextStep;
  /** Whether the room is over. */
  readonly fatal: boolean;
  /** The `type` of the message that the node refused, where there was one. */
  readonly about: string | null;

  constructor(
    code: SottoErrorCode,
    message: string,
    options: { fatal?: boolean; about?: string | null; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.next = NEXT[code] ?? "giveUp";
    this.fatal = options.fatal ?? false;
    this.about = options.about ?? null;
  }
}
