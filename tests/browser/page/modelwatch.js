// Runs in pages before their own scripts: what the library, its worker and its audio thread say to each
// other of the media of models, and in which form people are.
{
  const now = () => performance.timeOrigin + performance.now();
  /** How often forms are looked at, ms. */
  const LOOK_MS = 50;
  const VOICE = "sotto-voice";

  const reports = [];
  /** The voice whose node was made last: the worker is told next whose it is. */
  let made = null;

  const NativeWorker = globalThis.Worker;
  globalThis.Worker = class extends NativeWorker {
    constructor(...where) {
      super(...where);
      this.addEventListener("message", ({ data }) => this.#note(data));
    }
    postMessage(message, ...rest) {
      if (message?.type === "hold") reports.push({ type: "hold", who: message.who, ms: message.ms, at: now() });
      if (message?.type === "voice" && made) made.participant = message.participant;
      super.postMessage(message, ...rest);
    }
    #note(data) {
      // The worker of bundles alone measures what can be played.
      if (data?.type === "support") this.postMessage({ type: "tap", on: true });
      if (data?.type === "clock") reports.push({ ...data, at: now() });
      if (data?.type === "drawn") reports.push({ ...data, at: now() });
      if (data?.type === "arrived") {
        const { participant, plugin, media, at } = data.block;
        reports.push({ type: "arrived", participant, plugin, media, at });
      }
    }
  };

  const NativeNode = globalThis.AudioWorkletNode;
  globalThis.AudioWorkletNode = class extends NativeNode {
    constructor(context, name, options) {
      super(context, name, options);
      if (name !== VOICE) return;
      const voice = { participant: null };
      made = voice;
      this.port.addEventListener("message", ({ data }) => {
        const { form, running, starvations } = data;
        reports.push({ type: "voice", participant: voice.participant, form, running, starvations, at: now() });
      });
    }
  };

  /** What was said since the last call. */
  globalThis.takeReports = () => reports.splice(0);

  /** Watches forms until `stop()`, which gives `[{ at, microphone, camera }]`. */
  globalThis.watchForms = () => {
    const rows = [];
    const formOf = (source) => document.querySelector(`[data-testid=models-forms] [data-source=${source}]`)?.dataset.form ?? "raw";
    const timer = setInterval(() => rows.push({ at: now(), microphone: formOf("microphone"), camera: formOf("camera") }), LOOK_MS);
    return {
      stop() {
        clearInterval(timer);
        return rows;
      },
    };
  };
}
