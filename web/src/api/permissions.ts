// What the caller may do, as the API told it: a page offers nothing else.
import { inject, type InjectionKey } from "vue";
import type { operations } from "./schema";

export type Operation = keyof operations;
export interface Permissions {
  may(operation: Operation): boolean;
}

export const PERMISSIONS: InjectionKey<Permissions> = Symbol("permissions");

export function usePermissions(): Permissions {
  const found = inject(PERMISSIONS);
  if (found === undefined) throw new Error("No permissions are provided.");
  return found;
}
