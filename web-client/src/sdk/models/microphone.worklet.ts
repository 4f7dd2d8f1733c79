// Hands what a microphone gives to the worker that encodes it. Runs in the audio thread.

/** Name of the processor. */
const MICROPHONE_PROCESSOR = "sotto-microphone";

/** Samples of one message: some 10 ms. */
const BATCH = 512;

/** What the audio thread has, and TypeScript's types of a page have not. */
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

class MicrophoneProcessor extends AudioWorkletProcessor {
  #to: MessagePort | null = null;
  #batch = new Float32Array(BATCH);
  #filled = 0;
  #stopped = false;

  constructor() {
    super();
    // A port to send to; `null`: the end.
    this.port.onmessage = ({ data }: MessageEvent<MessagePort | null>) => {
      this.#to = data;
      this.#stopped = data === null;
    };
  }

  process(inputs: Float32Array[][]): boolean {
    // A muted track is silence; a track that ended has no channel.
    const input = inputs[0]?.[0];
    if (!input || !this.#to) return !this.#stopped;
    this.#batch.set(input, this.#filled);
    this.#filled += input.length;
    if (this.#filled + input.length <= BATCH) return true;
    const sound = this.#batch.slice(0, this.#filled);
    this.#to.postMessage(sound, [sound.buffer]);
    this.#filled = 0;
    return true;
  }
}

registerProcessor(MICROPHONE_PROCESSOR, MicrophoneProcessor);
