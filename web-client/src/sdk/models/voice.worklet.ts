// Runs in the audio thread: one processor a person, over what is pure in voicemix.ts.

import { BlockQueue, BlockRing } from "./ring.js";
import type { VoiceBlock } from "./ring.js";
import { VoiceLine } from "./voiceline.js";
import { VoiceMix } from "./voicemix.js";
import { VOICE_PROCESSOR } from "./voice.protocol.js";
import type { VoiceCommand, VoiceOptions, VoiceStatus } from "./voice.protocol.js";

/** How often the page is told, ms. */
const REPORT_MS = 50;

/** What the audio thread has, and TypeScript's types of a page have not. */
declare const sampleRate: number;
declare const currentTime: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

class VoiceProcessor extends AudioWorkletProcessor {
  readonly #mix: VoiceMix;
  readonly #queue = new BlockQueue();
  #offset: number | null = null;
  #reported = Number.NEGATIVE_INFINITY;
  #wasFading = false;
  #stopped = false;

  constructor({ processorOptions }: { processorOptions: VoiceOptions }) {
    super();
    const { ring, rate, form } = processorOptions;
    const line = new VoiceLine(ring ? new BlockRing(ring) : this.#queue, rate);
    this.#mix = new VoiceMix(line, sampleRate, form);
    this.port.onmessage = ({ data }: MessageEvent<VoiceCommand>) => this.#obey(data);
  }

  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (!out) return !this.#stopped;
    const now = currentTime * 1000;
    const target = this.#offset === null ? null : now + this.#offset;
    this.#mix.render(out, target, inputs[0]?.[0] ?? null);
    this.#report(now + (out.length / sampleRate) * 1000);
    return !this.#stopped;
  }

  #obey(command: VoiceCommand): void {
    switch (command.type) {
      case "target":
        this.#offset = command.offset;
        return;
      case "fade":
        return this.#mix.fadeTo(command.form);
      case "blocks":
        command.port.onmessage = ({ data }: MessageEvent<VoiceBlock>) => this.#queue.push(data);
        return;
      case "stop":
        this.#stopped = true;
    }
  }

  #report(contextMs: number): void {
    const { status } = this.#mix;
    const ended = this.#wasFading && !status.fading;
    this.#wasFading = status.fading;
    if (!ended && contextMs - this.#reported < REPORT_MS) return;
    this.#reported = contextMs;
    this.port.postMessage({ ...status, contextMs } satisfies VoiceStatus);
  }
}

registerProcessor(VOICE_PROCESSOR, VoiceProcessor);
