// The browser and the system that a `User-Agent` (RFC 9110 section 10.1.5) names, as far as anybody reads it.

const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdg\w*\//, "Edge"], [/\bOPR\//, "Opera"], [/\bFirefox\//, "Firefox"], [/\bHeadlessChrome\//, "Chrome"],
  [/\bChrom(?:e|ium)\//, "Chrome"], [/\bVersion\/[\d.]+.*Safari\//, "Safari"],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/Windows/, "Windows"], [/iPhone|iPad/, "iOS"], [/Android/, "Android"], [/Mac OS X/, "macOS"], [/Linux/, "Linux"],
];

export function browserOf(agent: string): string {
  const first = (table: readonly [RegExp, string][]): string => table.find(([pattern]) => pattern.test(agent))?.[1] ?? "";
  return [first(BROWSERS), first(SYSTEMS)].filter(Boolean).join(" · ");
}
