// Times as people read them: near ones relative, all of them exact on demand.

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60],
  ["second", 1],
];

export function relative(at: number, now: number, locale: string): string {
  const seconds = Math.round((at - now) / 1000);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  const form = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" });
  return form.format(Math.trunc(seconds / size), unit);
}

/** Minutes and seconds left, as a clock counts down; empty when it is due. */
export function countdown(at: number, now: number): string {
  const seconds = Math.ceil((at - now) / 1000);
  if (seconds <= 0) return "";
  const hours = Math.floor(seconds / 3600);
  const rest = `${String(Math.floor(seconds / 60) % 60).padStart(hours ? 2 : 1, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${rest}` : rest;
}

export function exact(at: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));
}

export function day(at: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(at));
}

/** A length of time in its largest whole unit, such as "7 days". */
export function span(seconds: number, locale: string): string {
  const [unit, size] = UNITS.find(([unit, size]) => ["day", "hour", "minute"].includes(unit) && seconds % size === 0) ?? ["second", 1];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(seconds / size);
}

/** The part of a life that is over, 0 to 1. */
export function lived(from: string, until: string, now: number): number {
  const start = Date.parse(from);
  const end = Date.parse(until);
  return end <= start ? 1 : Math.min(1, Math.max(0, (now - start) / (end - start)));
}

/** How long to wait before asking again: longer after failures, and where nobody looks. */
export function pause(failures: number, hidden: boolean): number {
  const usual = hidden ? 60_000 : 4000;
  return Math.min(usual * 2 ** Math.min(failures, 6), 300_000);
}
