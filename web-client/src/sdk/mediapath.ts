import { SottoError } from "./errors.js";

/** How long a path may be silent before another one is looked for: checks that are lost come again. */
const DISCONNECTED_MS = 1_000;
/** How long ICE may take to find a path when it starts over. */
const RESTART_TIMEOUT_MS = 6_000;

/** What the watch of a media path asks of its connection. */
export interface MediaPathOwner {
  /** The media path is silent: is the websocket, too? */
  suspect(): void;
  /** Offers an ICE restart (RFC 8445 section 9), and waits for the answer. */
  restart(): Promise<void>;
  /** No path is found any more. */
  lost(error: SottoError): void;
}

/**
 * Watches the path of the media. When it is silent, and when the network has changed, ICE starts over,
 * while the path in use stays in use until there is another one; where that finds nothing, the
 * connection is lost.
 */
export class MediaPath {
  readonly #pc: RTCPeerConnection;
  readonly #owner: MediaPathOwner;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restarting = false;
  /** Again, when the restart that is under way is through. */
  #again = false;
  /** Whether offers reach the node. */
  #signalling = true;
  #wasConnected = false;
  #closed = false;
  readonly #networkChanged = () => {
    if (!this.#wasConnected) return;
    this.#owner.suspect();
    void this.#restart();
  };

  constructor(pc: RTCPeerConnection, owner: MediaPathOwner) {
    this.#pc = pc;
    this.#owner = owner;
    pc.onconnectionstatechange = () => this.#changed();
    globalThis.addEventListener?.("online", this.#networkChanged);
    networkInformation()?.addEventListener("change", this.#networkChanged);
  }

  /** Whether the websocket is there. Behind one that was not, a silent path is looked after. */
  signalling(live: boolean): void {
    this.#signalling = live;
    if (live && this.#wasConnected && this.#pc.connectionState !== "connected") void this.#restart();
  }

  stop(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#pc.onconnectionstatechange = null;
    globalThis.removeEventListener?.("online", this.#networkChanged);
    networkInformation()?.removeEventListener("change", this.#networkChanged);
  }

  #changed(): void {
    clearTimeout(this.#timer);
    switch (this.#pc.connectionState) {
      case "connected":
        this.#wasConnected = true;
        return;
      case "disconnected":
        this.#owner.suspect();
        this.#timer = setTimeout(() => void this.#restart(), DISCONNECTED_MS);
        return;
      case "failed":
        // The first time it is not the network that changed: there is no path at all.
        if (!this.#wasConnected) return this.#lose();
        this.#owner.suspect();
        return void this.#restart();
    }
  }

  async #restart(): Promise<void> {
    if (this.#closed || !this.#signalling) return;
    if (this.#restarting) {
      this.#again = true;
      return;
    }
    this.#restarting = true;
    this.#again = false;
    try {
      await this.#owner.restart();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#judge(), RESTART_TIMEOUT_MS);
    } catch {
      // Refused, or the connection was closed meanwhile.
      if (!this.#closed) this.#lose();
    } finally {
      this.#restarting = false;
      if (this.#again) void this.#restart();
    }
  }

  /** A restart had its time. */
  #judge(): void {
    // Without the websocket nobody knows whether the network or the node is away.
    if (!this.#signalling || this.#pc.connectionState === "connected") return;
    this.#lose();
  }

  #lose(): void {
    this.#owner.lost(new SottoError("mediaFailed", "no media path to the node: ICE or DTLS failed"));
  }
}

/** Chromium's news of the network; other browsers have `online` alone. */
function networkInformation(): EventTarget | null {
  return (globalThis.navigator as (Navigator & { connection?: EventTarget }) | undefined)?.connection ?? null;
}
