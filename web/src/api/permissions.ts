// What the caller may do, as the API told it. An element is told nothing: its token is for the work on domains.
import { inject, type InjectionKey } from "vue";
import type { operations } from "./schema";

export type Operation = keyof operations;
export interface Permissions {
  may(operation: Operation): boolean;
}

export const PERMISSIONS: InjectionKey<Permissions> = Symbol("permissions");

/** What no embed token allows, of what the shared parts ask for by themselves. */
const CONSOLE_ONLY: ReadonlySet<Operation> = new Set<Operation>(["list_servers", "schedule_certificates"]);

export function usePermissions(): Permissions {
  return inject(PERMISSIONS, { may: (operation) => !CONSOLE_ONLY.has(operation) });
}
