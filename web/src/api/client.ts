// The client as the console's components get it, from whatever shows them.
import { inject, type InjectionKey } from "vue";
import type { Api } from "./calls";

export * from "./calls";

export const API: InjectionKey<Api> = Symbol("api");

export function useApi(): Api {
  const api = inject(API);
  if (api === undefined) throw new Error("No API is provided.");
  return api;
}
