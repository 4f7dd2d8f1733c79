import type { BundleEntry } from "./codec.js";
import { FaceStream } from "./facestream.js";
import type { DueFrame, FaceDecoder } from "./facestream.js";
import { MediaTimeline } from "./mediatime.js";
import { PlayoutClock } from "./playoutclock.js";
import { Repeats } from "./repeats.js";
import type { VoiceBlock } from "./ring.js";
import { VoiceStream } from "./voicestream.js";
import type { VoiceDecoder, VoiceExtension } from "./voicestream.js";

/** A decoder of either kind. */
export type AnyDecoder =
  | { kind: "sound"; epoch: number; decoder: VoiceDecoder }
  | { kind: "picture"; epoch: number; decoder: FaceDecoder };

/** A block as it arrived, for diagnosis. */
export interface ArrivedBlock {
  participant: number;
  plugin: number;
  /** Low 3 bits. */
  epoch: number;
  /** Whole media time, ms. */
  media: number;
  at: number;
  payload: Uint8Array;
}

/** What became of everything that came. */
export interface DemuxCounts {
  bundles: number;
  /** Bundles with a wrong byte. */
  broken: number;
  blocks: number;
  repeats: number;
  /** Blocks of a model that is not here. */
  unknown: number;
  /** Blocks that the decoder refused. */
  refused: number;
}

/** What a demultiplexer tells. */
export interface DemuxListener {
  /** Sound of one person at 48 kHz, good until it returns. */
  sound(participant: number, block: VoiceBlock): void;
  /** A block arrived that was not here before. */
  arrived(block: ArrivedBlock): void;
  /** A decoder refused a block. */
  refused(participant: number, plugin: number, epoch: number): void;
  /** Nothing is made of a decoder of pictures any more. */
  released(decoder: FaceDecoder): void;
}

/** Epochs kept of one person and plug-in: the one in use, and the one before or after it. */
const EPOCHS_KEPT = 2;
/** A jump to another voice clock that pictures follow at once, ms; a smaller one step by step. */
const FOLLOW_MS = 80;
const FOLLOW_WEIGHT = 0.1;
/** Voice that has not been heard of so long no longer leads the face, ms. */
const VOICE_LEADS_MS = 500;

/** An extension that is let go of with its person. */
export interface OwnExtension extends VoiceExtension {
  free(): void;
}

class Person {
  readonly timeline = new MediaTimeline();
  readonly clock = new PlayoutClock();
  readonly holds = new Map<string, number>();
  readonly repeats = new Map<number, Repeats>();
  readonly decoders = new Map<number, AnyDecoder[]>();
  readonly faces = new Map<number, FaceStream>();
  /** By plug-in: they outlive the models that sound is decoded with. */
  readonly extensions = new Map<number, OwnExtension>();
  readonly voice: VoiceStream;
  /** Of the voice as it is really heard, and when that was told. */
  heard: { delay: number; at: number } | null = null;
  constructor(emit: (block: VoiceBlock) => void) {
    this.voice = new VoiceStream(emit);
  }
}

/**
 * Takes bundles apart: whose block is it, which media time is it of, was it here before, which
 * decoder is it for, and when is it to be played. Times are arguments, ms since 1970.
 */
export class Demux {
  readonly counts: DemuxCounts = {
    bundles: 0,
    broken: 0,
    blocks: 0,
    repeats: 0,
    unknown: 0,
    refused: 0,
  };
  readonly #parse: (bytes: Uint8Array) => BundleEntry[];
  readonly #createExtension: (plugin: number) => OwnExtension;
  readonly #listener: DemuxListener;
  readonly #people = new Map<number, Person>();

  /** `createExtension`: of the sound of a plug-in. */
  constructor(
    parse: (bytes: Uint8Array) => BundleEntry[],
    createExtension: (plugin: number) => OwnExtension,
    listener: DemuxListener,
  ) {
    this.#parse = parse;
    this.#createExtension = createExtension;
    this.#listener = listener;
  }

  /** Everybody of whom anything came or is known. */
  get participants(): readonly number[] {
    return [...this.#people.keys()];
  }

  /** A bundle as it came. */
  bundle(bytes: Uint8Array, at: number): void {
    // Padding that probes the line.
    if (bytes.length === 0) return;
    this.counts.bundles++;
    let entries: BundleEntry[];
    try {
      entries = this.#parse(bytes);
    } catch {
      this.counts.broken++;
      return;
    }
    for (const entry of entries) this.#entry(entry, at);
  }

  /** A decoder is ready for this epoch of somebody's model. */
  hold(participant: number, plugin: number, decoder: AnyDecoder): void {
    const person = this.#person(participant);
    const held = person.decoders.get(plugin) ?? [];
    // Of two whose frames look alike, the later one is meant.
    const others = held.filter(({ epoch }) => (epoch & 7) !== (decoder.epoch & 7));
    const kept = [...others, decoder].slice(-EPOCHS_KEPT);
    person.decoders.set(plugin, kept);
    for (const one of held) if (!kept.includes(one)) this.#release(person, plugin, one);
  }

  /** Whether a decoder is ready for this epoch of somebody's model. */
  holds(participant: number, plugin: number, epoch: number): boolean {
    const held = this.#people.get(participant)?.decoders.get(plugin);
    return held?.some((one) => one.epoch === epoch) ?? false;
  }

  /** Drops the decoder of one epoch of somebody's model; without `epoch` those of all. */
  drop(participant: number, plugin: number, epoch?: number): void {
    const person = this.#people.get(participant);
    const held = person?.decoders.get(plugin);
    if (!person || !held) return;
    const kept = held.filter((one) => epoch !== undefined && one.epoch !== epoch);
    for (const one of held) if (!kept.includes(one)) this.#release(person, plugin, one);
    if (kept.length > 0) return void person.decoders.set(plugin, kept);
    person.decoders.delete(plugin);
    person.faces.delete(plugin);
  }

  /** Somebody left. */
  remove(participant: number): void {
    const person = this.#people.get(participant);
    if (!person) return;
    for (const plugin of [...person.decoders.keys()]) this.drop(participant, plugin);
    for (const extension of person.extensions.values()) extension.free();
    this.#people.delete(participant);
  }

  /** The node said that this u32 media time was captured some moments before `at`. */
  anchor(participant: number, timestamp: number, at: number): void {
    this.#person(participant).timeline.anchor(timestamp, at);
  }

  /** Has somebody's media wait at least so long, ms; the longest that anybody asks for counts. */
  setHold(participant: number, who: string, ms: number): void {
    const { holds, clock } = this.#person(participant);
    holds.set(who, ms);
    clock.setHold(Math.max(...holds.values()));
  }

  /** Somebody's sound must be decoded so long before it is heard, ms. */
  setLead(participant: number, ms: number): void {
    this.#person(participant).clock.setLead(ms);
  }

  /** Local time minus media time of the voice as it is heard: the face follows it. */
  heard(participant: number, delay: number, at: number): void {
    const person = this.#person(participant);
    const before = person.heard;
    const near = before && at - before.at < VOICE_LEADS_MS && Math.abs(delay - before.delay) < FOLLOW_MS;
    const smooth = near ? before.delay + (delay - before.delay) * FOLLOW_WEIGHT : delay;
    person.heard = { delay: smooth, at };
  }

  /** The clock of somebody's media; `null`: nothing came yet. */
  clockOf(participant: number): { delay: number; wait: number } | null {
    const clock = this.#people.get(participant)?.clock;
    return clock && clock.delay !== null ? { delay: clock.delay, wait: clock.wait } : null;
  }

  /** Local time minus media time at which somebody's face is to be seen. */
  faceDelay(participant: number, at: number): number | null {
    const person = this.#people.get(participant);
    if (!person) return null;
    if (person.heard && at - person.heard.at < VOICE_LEADS_MS) return person.heard.delay;
    return person.clock.delay;
  }

  /** The frame of somebody's face that is due for the eye at `at`; `null`: the one before stays. */
  faceDue(participant: number, at: number): DueFrame | null {
    const delay = this.faceDelay(participant, at);
    if (delay === null) return null;
    let newest: DueFrame | null = null;
    for (const [plugin, stream] of this.#people.get(participant)?.faces ?? []) {
      const frame = this.#guarded(participant, plugin, () => stream.due(at - delay));
      if (frame && (!newest || frame.media > newest.media)) newest = frame;
    }
    return newest;
  }

  /** Gives up what can no longer come in time. Some 50 times a second. */
  advance(at: number): void {
    for (const [participant, person] of this.#people) {
      const due = person.clock.mediaAt(at);
      if (due !== null) this.#guarded(participant, 0, () => person.voice.advance(due));
    }
  }

  #entry({ participant, plugin, epoch, time, payload }: BundleEntry, at: number): void {
    this.counts.blocks++;
    const person = this.#person(participant);
    const media = person.timeline.whole(time, at);
    const repeats = person.repeats.get(plugin) ?? new Repeats();
    person.repeats.set(plugin, repeats);
    if (!repeats.isNew(media)) {
      this.counts.repeats++;
      return;
    }
    person.clock.observe(media, at);
    this.#listener.arrived({ participant, plugin, epoch, media, at, payload });
    const held = person.decoders.get(plugin)?.find((one) => (one.epoch & 7) === epoch);
    if (!held) {
      this.counts.unknown++;
      return;
    }
    this.#guarded(participant, plugin, () => {
      if (held.kind === "sound") {
        const extension = person.extensions.get(plugin) ?? this.#createExtension(plugin);
        person.extensions.set(plugin, extension);
        person.voice.push(media, payload, held.decoder, extension);
      } else {
        const face = person.faces.get(plugin) ?? new FaceStream();
        person.faces.set(plugin, face);
        face.push(media, payload, held.decoder);
      }
    });
  }

  #release(person: Person, plugin: number, { kind, decoder }: AnyDecoder): void {
    if (kind !== "picture") return;
    person.faces.get(plugin)?.forget(decoder);
    this.#listener.released(decoder);
  }

  /** A decoder that throws loses its block, and is told of. */
  #guarded<Result>(participant: number, plugin: number, step: () => Result): Result | null {
    try {
      return step();
    } catch {
      this.counts.refused++;
      const epoch = this.#people.get(participant)?.decoders.get(plugin)?.at(-1)?.epoch ?? 0;
      this.#listener.refused(participant, plugin, epoch);
      return null;
    }
  }

  #person(participant: number): Person {
    const known = this.#people.get(participant);
    if (known) return known;
    const person = new Person((block) => this.#listener.sound(participant, block));
    this.#people.set(participant, person);
    return person;
  }
}
