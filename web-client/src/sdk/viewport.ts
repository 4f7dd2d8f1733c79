import type { SlotViewport } from "./signal.js";

/** How large something is shown, device pixels. */
export interface Viewport {
  width: number;
  height: number;
}

/** What shrinks is told once it has been still for this long, and no two messages come closer. */
export const SETTLE_MS = 100;
/** Largest side that can be told. */
const MAX_SIDE = 65_535;

/** A whole number of pixels that can be told. */
export function boundedViewport({ width, height }: Viewport): Viewport {
  const side = (length: number) => Math.min(MAX_SIDE, Math.max(0, Math.round(length) || 0));
  // With one side zero it cannot be seen.
  return side(width) === 0 || side(height) === 0
    ? { width: 0, height: 0 }
    : { width: side(width), height: side(height) };
}

/** What a report needs of the world around it. */
export interface ViewportLink {
  /** All slots of which a size is known. */
  collect(): SlotViewport[];
  send(slots: SlotViewport[]): void;
  /** Any clock that does not jump, ms. */
  now(): number;
}

/**
 * Tells the node how large slots are shown: growing at once, so that nobody looks at a small layer
 * for longer than needed; shrinking when the page has come to rest.
 */
export class ViewportReport {
  readonly #link: ViewportLink;
  #told = new Map<string, SlotViewport>();
  #sentAt = Number.NEGATIVE_INFINITY;
  #due = Number.POSITIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(link: ViewportLink) {
    this.#link = link;
  }

  /** Something may have changed. */
  changed(): void {
    const slots = this.#link.collect();
    if (this.#isTold(slots)) return this.#cancel();
    const now = this.#link.now();
    const earliest = this.#sentAt + SETTLE_MS;
    if (slots.some((slot) => this.#grew(slot))) {
      this.#schedule(Math.min(this.#due, Math.max(now, earliest)));
    } else {
      this.#schedule(Math.max(now + SETTLE_MS, earliest));
    }
  }

  /** A new connection: the node knows nothing. */
  restart(): void {
    this.#told = new Map();
    this.#sentAt = Number.NEGATIVE_INFINITY;
    this.#cancel();
    this.changed();
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(due: number): void {
    this.#cancel();
    this.#due = due;
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, due - this.#link.now()));
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = Number.POSITIVE_INFINITY;
  }

  #flush(): void {
    this.#cancel();
    const slots = this.#link.collect();
    if (this.#isTold(slots)) return;
    this.#told = new Map(slots.map((slot) => [slot.mid, slot]));
    this.#sentAt = this.#link.now();
    this.#link.send(slots);
  }

  #isTold(slots: readonly SlotViewport[]): boolean {
    return (
      slots.length === this.#told.size &&
      slots.every(({ mid, width, height }) => {
        const told = this.#told.get(mid);
        return told?.width === width && told.height === height;
      })
    );
  }

  #grew({ mid, width, height }: SlotViewport): boolean {
    const told = this.#told.get(mid);
    return !told || width > told.width || height > told.height;
  }
}

/** Watches how large an element is shown. */
export interface ElementView {
  /** Device pixels; zero while it cannot be seen. */
  readonly size: Viewport;
  /** Whether the page itself can be seen. */
  readonly pageVisible: boolean;
  stop(): void;
}

/** Calls `changed` whenever the size of `element`, or whether it can be seen, changes. */
export function watchElement(element: Element, changed: (view: ElementView) => void): ElementView {
  let box: Viewport = { width: 0, height: 0 };
  let inSight = false;
  const view: ElementView = {
    get size() {
      return inSight && !document.hidden ? box : { width: 0, height: 0 };
    },
    get pageVisible() {
      return !document.hidden;
    },
    stop() {
      resize.disconnect();
      intersection.disconnect();
      document.removeEventListener("visibilitychange", look);
    },
  };
  const look = () => changed(view);
  const resize = new ResizeObserver((entries) => {
    const entry = entries.at(-1);
    if (!entry) return;
    const exact = entry.devicePixelContentBoxSize?.[0];
    const css = entry.contentBoxSize[0];
    if (exact) box = { width: exact.inlineSize, height: exact.blockSize };
    else if (css) {
      box = { width: css.inlineSize * devicePixelRatio, height: css.blockSize * devicePixelRatio };
    }
    look();
  });
  const intersection = new IntersectionObserver((entries) => {
    inSight = entries.at(-1)?.isIntersecting ?? inSight;
    look();
  });
  try {
    resize.observe(element, { box: "device-pixel-content-box" });
  } catch {
    // A browser without that box (Safari): CSS pixels times the ratio of the screen.
    resize.observe(element);
  }
  intersection.observe(element);
  document.addEventListener("visibilitychange", look);
  return view;
}
