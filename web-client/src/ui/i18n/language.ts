/** Languages of the page. */
export type Language = "en" | "zh";

/** Each language in its own name. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: "English", zh: "中文" };

/** The first of these tags (BCP 47) that the page speaks; English if it speaks none. */
export function pickLanguage(tags: readonly string[]): Language {
  for (const tag of tags) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "en" || primary === "zh") return primary;
  }
  return "en";
}

/** Puts values in place of `{names}`; a name without a value stays. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
}
