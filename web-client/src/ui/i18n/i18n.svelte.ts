import { recall, remember } from "../memory.js";
import { en } from "./en.js";
import type { Key } from "./en.js";
import { fill, pickLanguage } from "./language.js";
import type { Language } from "./language.js";
import { zh } from "./zh.js";

const TEXTS: Record<Language, Record<Key, string>> = { en, zh };

let language = $state<Language>(
  pickLanguage([recall("language") ?? "", ...navigator.languages]),
);

/** The language of the page. */
export function currentLanguage(): Language {
  return language;
}

/** Switches the page to another language, and remembers it. */
export function setLanguage(chosen: Language): void {
  language = chosen;
  remember("language", chosen);
}

/** A text in the language of the page. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return fill(TEXTS[language][key], values);
}
