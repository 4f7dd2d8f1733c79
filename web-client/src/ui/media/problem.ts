/** Why a device does not run. */
export type DeviceProblem = "denied" | "missing" | "busy" | "insecure" | "failed";

/** What `getUserMedia` threw, as what a person can do about it. */
export function deviceProblem(error: unknown): DeviceProblem {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    case "InsecureContext":
      return "insecure";
    default:
      return "failed";
  }
}
