/** What the page remembers on this device. */
export type Remembered =
  | "name"
  | "language"
  | "camera"
  | "microphone"
  | "cameraOn"
  | "microphoneOn"
  | "originalSound";

/** Reads it; `null` if there is nothing, or the browser allows no storage. */
export function recall(what: Remembered): string | null {
  try {
    return localStorage.getItem(`sotto.${what}`);
  } catch {
    return null;
  }
}

/** Keeps it, where the browser allows it. */
export function remember(what: Remembered, value: string): void {
  try {
    localStorage.setItem(`sotto.${what}`, value);
  } catch {
    // Private browsing: the page works, it only forgets.
  }
}
