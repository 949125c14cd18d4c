// Names that people paste and read.

/** What was pasted, one name for each: lines, or the first column of CSV. Order is kept. */
export function pasted(text: string): string[] {
  const found = new Set<string>();
  for (const line of text.split(/\r\n|\r|\n/)) {
    for (const word of (line.split(/[,;\t]/)[0] ?? "").trim().split(/\s+/)) {
      const name = bare(word);
      if (name && !/^(domain|name|hostname)$/i.test(name)) found.add(name);
    }
  }
  return [...found];
}

/** People paste addresses: the host of them is meant. */
function bare(word: string): string {
  return word
    .replace(/^["']|["']$/g, "")
    .replace(/^[a-z]+:\/\//i, "")
    .replace(/[/?#].*$/, "")
    .replace(/:\d+$/, "")
    .replace(/\.$/, "")
    .toLowerCase();
}

const SCRIPTS = ["Latin", "Cyrillic", "Greek", "Armenian", "Hebrew", "Arabic", "Devanagari", "Thai",
  "Han", "Hiragana", "Katakana", "Hangul"] as const;
const TOGETHER: readonly (readonly string[])[] = [
  ["Latin", "Han", "Hiragana", "Katakana"], ["Latin", "Han", "Hangul"], ["Latin", "Han"],
];

/** The scripts of a label that do not belong together (UTS 39, highly restrictive); empty: it is fine. */
export function mixedScripts(unicodeName: string): string[] {
  for (const label of unicodeName.split(".")) {
    const used = SCRIPTS.filter((one) => new RegExp(`\\p{Script=${one}}`, "u").test(label));
    if (used.length > 1 && !TOGETHER.some((set) => used.every((one) => set.includes(one)))) {
      return used;
    }
  }
  return [];
}
