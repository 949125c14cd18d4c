// Limits of certificate authorities: how near each is, and what belongs together.
import type { Tone } from "./standing";

export interface Budget {
  account: string;
  count: number;
  used: number;
  next_at: string | null;
}

const SCARCE = 0.8;

/** Whether one more order has room, and how much is left after it. */
export function levelOf(one: Budget, now: number): { tone: Tone; word: "room" | "scarce" | "spent" } {
  if (one.next_at !== null && Date.parse(one.next_at) > now) return { tone: "bad", word: "spent" };
  return one.used >= one.count * SCARCE ? { tone: "act", word: "scarce" } : { tone: "ok", word: "room" };
}

/** The limits of each account, in the order in which accounts come. */
export function byAccount<T extends Budget>(budgets: readonly T[]): T[][] {
  const found = new Map<string, T[]>();
  for (const one of budgets) found.set(one.account, [...(found.get(one.account) ?? []), one]);
  return [...found.values()];
}
