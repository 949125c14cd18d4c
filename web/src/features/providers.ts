// What is installed: each plug-in with the settings and credentials that it takes.
import { useQuery } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { ok, useApi } from "../api/client";
import type { components } from "../api/schema";
import type { Setting } from "../core/settings";

type ProviderShape = components["schemas"]["ProviderShape"];
export type Provider = Omit<ProviderShape, "config"> & { config: Setting[] };

export function useProviders(enabled: Ref<boolean>) {
  const api = useApi();
  const query = useQuery({
    queryKey: ["provider", "all"],
    queryFn: () => ok(api.client.GET("/v1/providers")),
    staleTime: 300_000,
    enabled,
  });
  const all = computed(() => (query.data.value?.data ?? []) as Provider[]);
  /** Those of a kind that can be used, by the names that people know. */
  const usable = (kind: string) => all.value.filter((one) => one.kind === kind && one.title !== null);
  return { query, all, usable };
}
