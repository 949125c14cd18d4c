// How shared parts go from one place to another: by the router of the console, or inside an element.
import { inject, type InjectionKey } from "vue";

export interface Navigation {
  /** Address of a domain's page; null where there are no addresses. */
  domain(name: string): string | null;
  openDomain(name: string): void;
  openDomains(): void;
  /** The organization that is looked at; null: all that the caller sees. */
  organization(): string | null;
}

export const NAVIGATION: InjectionKey<Navigation> = Symbol("navigation");

export function useNavigation(): Navigation {
  const found = inject(NAVIGATION);
  if (found === undefined) throw new Error("No navigation is provided.");
  return found;
}
