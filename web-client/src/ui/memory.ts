/** What the page remembers on this device. */
export type Remembered =
  | "name"
  | "language"
  | "camera"
  | "microphone"
  | "cameraOn"
  | "microphoneOn"
  | "originalSound"
  | "learnMicrophone"
  | "learnCamera"
  | "keepModels"
  | "identity";

/** Reads it; `null` if there is nothing, or the browser allows no storage. */
export function recall(what: Remembered): string | null {
  try {
    return localStorage.getItem(`sotto.${what}`);
  } catch {
    return null;
  }
}

/** Keeps it, where the browser allows it; `null`: no longer. */
export function remember(what: Remembered, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`sotto.${what}`);
    else localStorage.setItem(`sotto.${what}`, value);
  } catch {
    // Private browsing: the page works, it only forgets.
  }
}
