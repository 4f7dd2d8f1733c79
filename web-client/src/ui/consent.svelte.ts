import type { ModelSource } from "../sdk/sotto.js";
import { recall, remember } from "./memory.js";

/** What a person lets others' devices be sent as a model of it, remembered on this one. At first: nothing. */
export class Consent {
  microphone = $state(recall("learnMicrophone") === "true");
  camera = $state(recall("learnCamera") === "true");
  /** Whether the server keeps what was learned for the next meeting. */
  keep = $state(recall("keepModels") === "true");

  set(source: ModelSource, agreed: boolean): void {
    this[source] = agreed;
    remember(source === "microphone" ? "learnMicrophone" : "learnCamera", String(agreed));
  }

  setKeep(keep: boolean): void {
    this.keep = keep;
    remember("keepModels", String(keep));
  }
}
