import type {
  FormState,
  LearnOptions,
  ModelPolicy,
  ModelSource,
  OwnModel,
  Permissions,
  Publication,
  RawReason,
  RoomEvents,
  SottoError,
  Source,
} from "../../sdk/sotto.js";
import type { Key } from "../i18n/en.js";

/** Of what there can be models. */
export const MODEL_SOURCES: readonly ModelSource[] = ["microphone", "camera"];

/** What is used of a room. */
export interface ModelRoom {
  readonly models: {
    readonly enabled: boolean;
    readonly problem: SottoError | null;
    readonly policy: ModelPolicy | null;
    readonly forms: readonly FormState[];
    own(source: ModelSource): OwnModel;
    learn(source: ModelSource, options: LearnOptions): Promise<void>;
    forget(source: ModelSource): void;
    keep(keep: boolean): Promise<void>;
    keptDays(): Promise<number | null>;
    setPolicy(policy: ModelPolicy): void;
  } | null;
  readonly local: {
    readonly permissions: Permissions;
    readonly publications: ReadonlyMap<Source, Publication>;
  };
  on<Name extends keyof RoomEvents>(name: Name, listener: (event: RoomEvents[Name]) => void): () => void;
}

/** What a person agreed to before the meeting, and where it is kept. */
export interface Agreement {
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly keep: boolean;
  set(source: ModelSource, agreed: boolean): void;
  setKeep(keep: boolean): void;
}

/**
 * The models of a meeting as the page shows them: what this person lets be learned, how far that is,
 * and in which form the others come.
 */
export class MeetingModels {
  readonly #room: ModelRoom;
  readonly #agreement: Agreement;
  readonly #complain: (error: unknown) => void;
  /** Sources that are being learned, or were. */
  readonly #begun = new Set<ModelSource>();

  /** Whether the node uses models. */
  enabled = $state(false);
  agreed = $state<Record<ModelSource, boolean>>({ microphone: false, camera: false });
  own = $state.raw<Record<ModelSource, OwnModel | null>>({ microphone: null, camera: null });
  forms = $state.raw<readonly FormState[]>([]);
  policy = $state<ModelPolicy | null>(null);
  /** Whether this browser cannot decode any. */
  unusable = $state(false);
  /** Whether what is learned is kept for the next meeting. */
  keep = $state(false);
  /** For how many days the node does that; `null`: it keeps nothing. */
  keptDays = $state<number | null>(null);

  constructor(room: ModelRoom, agreement: Agreement, complain: (error: unknown) => void) {
    this.#room = room;
    this.#agreement = agreement;
    this.#complain = complain;
    for (const source of MODEL_SOURCES) {
      const granted = room.local.permissions.modelConsent?.includes(source);
      this.agreed[source] = granted ?? agreement[source];
    }
    this.keep = agreement.keep;
    room.on("ownModel", (own) => (this.own = { ...this.own, [own.source]: own }));
    room.on("form", () => (this.forms = room.models?.forms ?? []));
    room.on("state", () => this.#read());
    room.on("error", ({ code }) => (this.unusable ||= code === "noModels"));
    this.#read();
  }

  /** Whether the person may decide: a token may forbid it. */
  mayAgree(source: ModelSource): boolean {
    const { publish, sources, modelConsent } = this.#room.local.permissions;
    const may = publish && (sources?.includes(source) ?? true);
    return may && (modelConsent?.includes(source) ?? true);
  }

  /** Agrees, or takes it back: then everybody forgets what was learned. */
  async setAgreed(source: ModelSource, agreed: boolean): Promise<void> {
    this.agreed[source] = agreed;
    // What whoever made the token knows better is not asked for again in another meeting.
    if (!this.#room.local.permissions.modelConsent) this.#agreement.set(source, agreed);
    await this.settle(source);
  }

  /** Begins to learn what is agreed and there, and ends what is not agreed any longer. */
  async settle(source: ModelSource): Promise<void> {
    const { models, local } = this.#room;
    if (!models?.enabled) return;
    const may = this.agreed[source] && this.mayAgree(source);
    if (!may) {
      if (this.#begun.delete(source)) models.forget(source);
    } else if (local.publications.has(source) && !this.#begun.has(source)) {
      this.#begun.add(source);
      try {
        await models.learn(source, { keep: this.keep });
      } catch (error) {
        this.#begun.delete(source);
        this.#complain(error);
      }
    }
  }

  /** Has it kept for the next meeting, or removed. */
  async setKeep(keep: boolean): Promise<void> {
    this.keep = keep;
    this.#agreement.setKeep(keep);
    try {
      await this.#room.models?.keep(keep);
    } catch (error) {
      this.#complain(error);
    }
  }

  setPolicy(policy: ModelPolicy): void {
    this.policy = policy;
    this.#room.models?.setPolicy(policy);
  }

  /** The form of somebody's voice or picture; `null`: the node has not spoken of it. */
  of(participant: string, source: ModelSource): FormState | null {
    return this.forms.find((form) => form.participant === participant && form.source === source) ?? null;
  }

  #read(): void {
    const { models } = this.#room;
    this.enabled = models?.enabled ?? false;
    this.unusable = (models?.problem ?? null) !== null;
    this.policy = models?.policy ?? null;
    if (this.enabled) void models?.keptDays().then((days) => (this.keptDays = days));
    this.forms = models?.forms ?? [];
  }
}

/** How far a model of one's own is, as the page says it. Pure. */
export function progressOf(own: OwnModel | null): { key: Key; percent: number } {
  const percent = Math.floor((own?.progress ?? 0) * 100);
  if (!own || own.state === "none") return { key: "models.waiting", percent };
  if (own.state === "waiting") return { key: "models.busy", percent };
  if (own.state === "refused") return { key: "models.refused", percent };
  if (own.state === "learning") {
    return { key: own.learner === "node" ? "models.learningThere" : "models.learning", percent };
  }
  if (own.gate === "red" || own.gate === "amber") return { key: "models.unfit", percent };
  return { key: own.sent ? "models.sent" : "models.ready", percent };
}

/** How somebody comes, and if raw, why. Pure. */
export function formKey(form: FormState): Key {
  if (form.form === "model") return "form.model";
  return form.reason === null ? "form.raw" : reasonKey(form.reason);
}

function reasonKey(reason: RawReason): Key {
  return `reason.${reason}`;
}
