import { EXTENDED_RATE } from "./codec.js";
import type { BundlesCommand } from "./bundles.protocol.js";
import type { FormState } from "./forms.js";
import type { PlayedForm } from "./messages.js";
import type { SoundOutput } from "./output.js";
import { RawSound } from "./rawsound.js";
import { BlockRing } from "./ring.js";
import { VOICE_PROCESSOR } from "./voice.protocol.js";
import type { VoiceCommand, VoiceOptions, VoiceStatus } from "./voice.protocol.js";
import { VoiceSwitch } from "./voiceswitch.js";
import { holdBack } from "../holds.js";
import type { Slot } from "../slots.js";

/** How often switches are looked at, ms. */
const TICK_MS = 40;
/** A voice is ready to be heard with so much decoded ahead, ms. */
const READY_MS = 20;

/** By what the wait grows when sound came too late, its limit, and how fast that is forgotten. */
const LATE_STEP_MS = 15;
const MAX_SLACK_MS = 150;
const SLACK_FALL_MS_PER_S = 5;

/** The way to the ear is told again where it is so much longer or shorter than before, ms. */
const LEAD_STEP_MS = 5;

/** What voices need of their room. */
export interface VoicesHost {
  readonly output: SoundOutput;
  tell(command: BundlesCommand, transfer?: Transferable[]): void;
  /** The slots that carry sound, and whose. */
  audioSlots(): readonly { slot: Slot; participant: string | null; screen: boolean }[];
  form(participant: string): FormState | null;
  /** A form is heard now. */
  arrived(participant: string, form: PlayedForm): void;
}

/** A model voice, for diagnosis. */
export interface VoiceStats {
  /** The form that is heard. */
  form: PlayedForm;
  /** From capture to ear on the node's clock, ms; `null`: not known. */
  latency: number | null;
  /** How long media waits for its time, and how much is decoded ahead, ms. */
  wait: number;
  ahead: number;
  /** How fast it is read now, so that it keeps its time; 1: as it was said. */
  speed: number;
  /** How often sound had to be made up because none was there. */
  starvations: number;
}

/** One person's voice in both forms. */
interface Voice {
  readonly participant: string;
  readonly shortId: number;
  readonly node: AudioWorkletNode;
  readonly control: VoiceSwitch;
  status: VoiceStatus | null;
  /** Local minus media time at which it is to be heard, and how long media waits for that. */
  clock: { delay: number; wait: number } | null;
  lipHold: number;
  /** Waited for since something came too late, ms. */
  slack: number;
  /** What the worker was told. */
  held: number;
  lead: number;
}

/**
 * Everything that is heard while models are in use: the sound of slots, raw, and for each person who
 * has a model voice a node of the audio graph that goes over between the two.
 */
export class Voices {
  readonly #host: VoicesHost;
  readonly #voices = new Map<string, Voice>();
  readonly #raw: RawSound;
  readonly #timer: ReturnType<typeof setInterval>;

  /** The processors must have been loaded. */
  constructor(host: VoicesHost) {
    this.#host = host;
    this.#raw = new RawSound(host.output);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Gets somebody's node ready. */
  open(participant: string, shortId: number): void {
    if (this.#voices.has(participant)) return;
    const { context, input } = this.#host.output;
    const shared = globalThis.crossOriginIsolated && typeof SharedArrayBuffer !== "undefined";
    const ring = shared ? new SharedArrayBuffer(BlockRing.bytes) : null;
    const heard = this.#host.form(participant)?.form ?? "raw";
    const node = new AudioWorkletNode(context, VOICE_PROCESSOR, {
      numberOfInputs: 1,
      outputChannelCount: [1],
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { ring, rate: EXTENDED_RATE, form: heard } satisfies VoiceOptions,
    });
    node.connect(input);
    const voice: Voice = {
      participant,
      shortId,
      node,
      control: new VoiceSwitch(heard),
      status: null,
      clock: null,
      lipHold: 0,
      slack: 0,
      held: 0,
      lead: 0,
    };
    node.port.onmessage = ({ data }: MessageEvent<VoiceStatus>) => this.#heard(voice, data);
    this.#voices.set(participant, voice);
    if (ring) this.#host.tell({ type: "voice", participant: shortId, to: ring });
    else {
      const { port1, port2 } = new MessageChannel();
      node.port.postMessage({ type: "blocks", port: port1 } satisfies VoiceCommand, [port1]);
      this.#host.tell({ type: "voice", participant: shortId, to: port2 }, [port2]);
    }
  }

  /** Somebody left. */
  remove(participant: string): void {
    const voice = this.#voices.get(participant);
    if (!voice) return;
    this.#voices.delete(participant);
    this.#raw.release(voice.node);
    voice.node.port.postMessage({ type: "stop" } satisfies VoiceCommand);
    voice.node.disconnect();
  }

  /** The worker's clock of somebody's media. */
  setClock(shortId: number, clock: { delay: number; wait: number }): void {
    for (const voice of this.#voices.values()) {
      if (voice.shortId !== shortId) continue;
      voice.clock = clock;
      this.#aim(voice);
    }
  }

  /** Has a model voice wait at least so long, for the picture; 0: as short as possible. */
  holdForLips(participant: string, ms: number): void {
    const voice = this.#voices.get(participant);
    if (voice) voice.lipHold = ms;
  }

  /** From capture to ear on the node's clock, and how long media waits, ms; `null`: not known. */
  latency(participant: string): { latency: number; wait: number } | null {
    const voice = this.#voices.get(participant);
    const latency = voice ? this.#modelLatency(voice) : null;
    return latency === null ? null : { latency, wait: voice?.clock?.wait ?? 0 };
  }

  /** Where each model voice stands. */
  get stats(): ReadonlyMap<string, VoiceStats> {
    const rows = [...this.#voices].map(([participant, voice]): [string, VoiceStats] => {
      const { status, clock } = voice;
      const { form = "raw", ahead = 0, speed = 1, starvations = 0 } = status ?? {};
      const latency = this.#modelLatency(voice);
      return [participant, { form, latency, wait: clock?.wait ?? 0, ahead, speed, starvations }];
    });
    return new Map(rows);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const participant of [...this.#voices.keys()]) this.remove(participant);
    this.#raw.stop();
  }

  #tick(): void {
    const slots = this.#host.audioSlots();
    this.#raw.route(
      slots.map(({ slot, participant, screen }) => ({
        slot,
        to: participant === null ? undefined : ((!screen && this.#voices.get(participant)?.node) || null),
      })),
    );
    for (const voice of this.#voices.values()) {
      const own = slots.find(({ participant, screen }) => participant === voice.participant && !screen);
      this.#lead(voice);
      this.#switch(voice, own?.slot ?? null);
      this.#aim(voice);
    }
  }

  /** Tells the worker how long before it is heard sound must be decoded. */
  #lead(voice: Voice): void {
    const ms = Math.round(Math.max(0, this.#host.output.latency));
    if (Math.abs(ms - voice.lead) < LEAD_STEP_MS) return;
    voice.lead = ms;
    this.#host.tell({ type: "lead", participant: voice.shortId, ms });
  }

  #switch(voice: Voice, slot: Slot | null): void {
    const { participant, control, status } = voice;
    const state = this.#host.form(participant);
    if (!state) return;
    const raw = slot ? this.#raw.measure(slot) : null;
    const model = this.#modelLatency(voice);
    const modelReady = status?.running === true && status.ahead >= READY_MS;
    // A voice in model form needs no slot: the node finds one as the raw form begins. Where it does
    // not, the person is not among the loudest, and nothing raw will come.
    const rawReady = slot === null ? !state.overlap : (raw?.alive ?? false);
    const { fade, rawHold, modelHold } = control.update({
      now: performance.now(),
      wanted: state.wanted,
      urgent: state.urgent || (slot === null && state.wanted === "raw" && !state.overlap),
      ready: state.wanted === "model" ? modelReady : rawReady,
      going: (state.form === "model" ? status?.running : raw?.alive) ?? false,
      rawLatency: raw?.latency ?? null,
      modelLatency: model,
      rawWait: raw?.wait ?? 0,
      modelWait: voice.clock?.wait ?? 0,
      quietMs: status?.quietMs ?? 0,
    });
    if (slot) holdBack(slot.receiver, "switch", rawHold);
    voice.slack = Math.max(0, voice.slack - (SLACK_FALL_MS_PER_S * TICK_MS) / 1000);
    const hold = Math.round(Math.max(modelHold ?? 0, voice.lipHold, voice.slack));
    if (hold !== voice.held) {
      voice.held = hold;
      this.#host.tell({ type: "hold", participant: voice.shortId, who: "voice", ms: hold });
    }
    if (!fade) return;
    voice.node.port.postMessage({ type: "fade", form: fade } satisfies VoiceCommand);
    this.#host.arrived(participant, fade);
  }

  /** Tells the audio thread which media time is due when. */
  #aim({ node, clock }: Voice): void {
    const { origin } = this.#host.output;
    if (origin === null || !clock) return;
    const offset = origin - clock.delay;
    node.port.postMessage({ type: "target", offset } satisfies VoiceCommand);
  }

  #heard(voice: Voice, status: VoiceStatus): void {
    if (voice.status && status.late > voice.status.late) {
      // What came too late was not foreseen: more is waited for, for a while.
      const wait = Math.min((voice.clock?.wait ?? 0) + LATE_STEP_MS, MAX_SLACK_MS);
      voice.slack = Math.max(voice.slack, wait);
    }
    voice.status = status;
    const { origin } = this.#host.output;
    if (status.form !== "model" || status.media === null || !status.running || origin === null) return;
    const delay = origin + status.contextMs - status.media;
    this.#host.tell({ type: "heard", participant: voice.shortId, delay });
  }

  #modelLatency({ participant, status }: Voice): number | null {
    const anchor = this.#host.form(participant)?.anchor;
    const { origin } = this.#host.output;
    if (!anchor || origin === null || !status?.running || status.media === null) return null;
    return origin + status.contextMs - (anchor.captured + status.media - anchor.media);
  }
}
