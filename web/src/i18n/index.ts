// One catalogue of sentences. A language has every key of English, which the compiler checks.
import { computed, ref } from "vue";
import type { AdministrationKey } from "./administration.en";
import { de } from "./de";
import { en, type Entry, type Key as FirstKey } from "./en";

type Key = FirstKey | AdministrationKey;
const LANGUAGES: Record<string, Record<string, Entry>> = { en: { ...en }, de: { ...de } };
export const LANGUAGE_NAMES: Record<string, string> = { en: "English", de: "Deutsch" };

const chosen = ref(preferred());
export const language = computed(() => chosen.value);
/** With the region that the browser names, for dates and numbers. */
export const locale = computed(() => navigator.languages.find((one) => one.startsWith(chosen.value)) ?? chosen.value);

export function setLocale(wanted: string): void {
  if (wanted in LANGUAGES) chosen.value = wanted;
}

function preferred(): string {
  const wanted = navigator.languages.map((one) => one.slice(0, 2).toLowerCase());
  return wanted.find((one) => one in LANGUAGES) ?? "en";
}

/** Adds sentences that come with a part of the console; all of them are in every language. */
export function extend(more: Readonly<Record<string, Readonly<Record<string, Entry>>>>): void {
  for (const [name, entries] of Object.entries(more)) LANGUAGES[name] = { ...LANGUAGES[name], ...entries };
}

function entryOf(key: string): Entry | undefined {
  return (LANGUAGES[chosen.value] ?? LANGUAGES["en"])?.[key];
}

/** Returns a sentence; `n` chooses among plural forms. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const entry = entryOf(key) ?? key;
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
    return typeof value === "number" ? value.toLocaleString(locale.value) : value;
  });
}

/** A word of the API in the reader's language, or itself where the catalogue has none. */
export function word(group: string, value: string): string {
  const key = `${group}.${value}`;
  if (entryOf(key) !== undefined) return t(key as Key);
  const text = value.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
