// What the caller may do, as the API told it. Where nobody said anything, the API says it when asked.
import { inject, type InjectionKey } from "vue";
import type { operations } from "./schema";

export type Operation = keyof operations;
export interface Permissions {
  may(operation: Operation): boolean;
}

export const PERMISSIONS: InjectionKey<Permissions> = Symbol("permissions");

export function usePermissions(): Permissions {
  return inject(PERMISSIONS, { may: () => true });
}
