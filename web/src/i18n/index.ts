// One catalogue of sentences. A language has every key of English, which the compiler checks.
import { computed, ref } from "vue";
import { de } from "./de";
import { en, type Catalogue, type Key } from "./en";

const LANGUAGES: Record<string, Catalogue> = { en, de };
export const LANGUAGE_NAMES: Record<string, string> = { en: "English", de: "Deutsch" };

const chosen = ref(preferred());
export const locale = computed(() => chosen.value);

export function setLocale(wanted: string): void {
  if (wanted in LANGUAGES) chosen.value = wanted;
}

function preferred(): string {
  const wanted = navigator.languages.map((one) => one.slice(0, 2).toLowerCase());
  return wanted.find((one) => one in LANGUAGES) ?? "en";
}

/** Returns a sentence; `n` chooses among plural forms. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const entry = (LANGUAGES[chosen.value] ?? en)[key];
  return filled(typeof entry === "string" ? entry : formOf(entry, Number(values["n"])), values);
}

function formOf(forms: Readonly<Record<string, string>>, n: number): string {
  const rule = new Intl.PluralRules(chosen.value).select(n);
  return forms[rule] ?? forms["other"] ?? "";
}

function filled(text: string, values: Record<string, string | number>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? value.toLocaleString(chosen.value) : value;
  });
}

/** A word of the API in the reader's language, or itself where the catalogue has none. */
export function word(group: string, value: string): string {
  const key = `${group}.${value}`;
  return key in en ? t(key as Key) : value.replaceAll("_", " ");
}
