import type { Models } from "./models/models.js";
import type { Slot } from "./slots.js";

/** How the sound of a room is played. */
export interface SoundOptions {
  /** The browser waits for a person to do something (`true`), or no longer does. */
  onBlocked?: (blocked: boolean) => void;
}

/** The sound of a room that is being played. */
export interface SoundPlayback {
  /** Plays after all: to be called where a person did something. */
  resume(): Promise<void>;
  stop(): void;
}

/** The audio slots of a room, and word of there being more. */
export interface SoundSlots {
  readonly slots: readonly Slot[];
  on(name: "slots", listener: () => void): () => void;
}

/** Plays each slot in an element of its own: no models, and nothing but what the browser does. */
export function playElements(
  room: SoundSlots,
  { onBlocked = () => undefined }: SoundOptions,
): SoundPlayback {
  const elements = new Map<Slot, HTMLAudioElement>();
  const play = (slot: Slot, element: HTMLAudioElement) => {
    element.srcObject = new MediaStream([slot.track]);
    element.play().catch((error: unknown) => {
      // Anything else is a newer track that overtook this one.
      if (error instanceof DOMException && error.name === "NotAllowedError") onBlocked(true);
    });
  };
  const offs: (() => void)[] = [];
  const open = () => {
    for (const slot of room.slots) {
      if (slot.kind !== "audio" || elements.has(slot)) continue;
      const element = new Audio();
      elements.set(slot, element);
      offs.push(slot.on("track", () => play(slot, element)));
      play(slot, element);
    }
  };
  open();
  offs.push(room.on("slots", open));
  return {
    async resume() {
      onBlocked(false);
      await Promise.all([...elements.values()].map((element) => element.play()));
    },
    stop() {
      for (const off of offs) off();
      for (const element of elements.values()) element.srcObject = null;
    },
  };
}

/** Plays everything in the audio graph, where voices go over between their forms. */
export function playGraph(
  models: Models,
  { onBlocked = () => undefined }: SoundOptions,
): SoundPlayback {
  const { context } = models.output();
  const tell = () => onBlocked(context.state === "suspended");
  context.addEventListener("statechange", tell);
  void models.playSound();
  // It stays pending, and is no error, until a person does something.
  void context.resume();
  // A context says by its state that it may not start, but not when: a moment is enough.
  const timer = setTimeout(tell, 500);
  return {
    resume: () => context.resume(),
    stop() {
      clearTimeout(timer);
      context.removeEventListener("statechange", tell);
      models.stopSound();
    },
  };
}
