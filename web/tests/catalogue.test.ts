import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { administrationDe } from "../src/i18n/administration.de";
import { administrationEn } from "../src/i18n/administration.en";
import { de as firstDe } from "../src/i18n/de";
import { en as firstEn, type Entry } from "../src/i18n/en";

const en = { ...firstEn, ...administrationEn };
const de = { ...firstDe, ...administrationDe };

const forms = (entry: Entry): string[] => (typeof entry === "string" ? [entry] : Object.values(entry));
const places = (text: string): string => [...text.matchAll(/\{\w+\}/g)].map((one) => one[0]).sort().join();

describe("the catalogue", () => {
  it("says each sentence in one place", () => {
    expect(Object.keys(firstEn).filter((key) => key in administrationEn)).toEqual([]);
  });

  it("fills in the same values in every language", () => {
    for (const [key, entry] of Object.entries(en) as [keyof typeof en, Entry][]) {
      expect(new Set([...forms(entry), ...forms(de[key])].map(places)).size, key).toBe(1);
    }
  });

  it("has the plural forms that each language needs", () => {
    for (const [language, catalogue] of [["en", en], ["de", de]] as const) {
      const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
      for (const [key, entry] of Object.entries(catalogue) as [string, Entry][]) {
        if (typeof entry !== "string") expect(Object.keys(entry).sort(), key).toEqual([...needed].sort());
      }
    }
  });

  it("holds no sentence that nothing shows", () => {
    const source = (readdirSync("src", { recursive: true }) as string[])
      .filter((name) => /\.(vue|ts)$/.test(name) && !name.startsWith("i18n/"))
      .map((name) => readFileSync(`src/${name}`, "utf8")).join("\n");
    const groups = new Set([...source.matchAll(/\bword\((?:"|')(\w+)/g)].map((one) => one[1]));
    for (const [, start] of source.matchAll(/\bt\(`(\w+)\.\$/g)) groups.add(start);
    const unused = Object.keys(en).filter((key) => !groups.has(key.split(".")[0] ?? "") && !source.includes(`"${key}"`) && !source.includes(`'${key}'`) && !key.endsWith(".title"));
    expect(unused).toEqual([]);
  });

  it("puts no markup and no script into a page", () => {
    const source = (readdirSync("src", { recursive: true }) as string[]).filter((name) => name.endsWith(".vue"));
    for (const name of source) {
      expect(readFileSync(`src/${name}`, "utf8"), name).not.toMatch(/v-html|innerHTML|<style/);
    }
  });
});
