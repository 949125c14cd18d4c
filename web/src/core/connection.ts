// What a DNS account takes off its owner's hands.

export interface Published {
  kind: string;
  type: string | null;
  name: string | null;
  value: string | null;
  done: boolean;
}

const keyOf = (one: Published): string => `${one.type} ${one.name} ${one.value}`;

/** The records to publish by hand without the account that are not left to do with it, each once. */
export function takenOver<T extends Published>(without: readonly T[], withAccount: readonly T[]): T[] {
  const left = new Set(leftOf(withAccount).map(keyOf));
  const found = new Map<string, T>();
  for (const one of leftOf(without)) {
    if (!left.has(keyOf(one))) found.set(keyOf(one), one);
  }
  return [...found.values()];
}

/** The records that are to be published by hand. */
export function leftOf<T extends Published>(instructions: readonly T[]): T[] {
  return instructions.filter((one) => one.kind === "dns_record" && !one.done);
}
