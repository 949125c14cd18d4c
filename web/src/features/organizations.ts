// Whom the caller may act for: a platform token sees several organizations, others one.
import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { ok, useApi, type Organization } from "../api/client";

export function useOrganizations() {
  const api = useApi();
  const query = useQuery({
    queryKey: ["organization", "all"],
    queryFn: () => ok(api.client.GET("/v1/organizations", { params: { query: { limit: 100 } } })),
    staleTime: 60_000,
  });
  const all = computed<Organization[]>(() => query.data.value?.data ?? []);
  const choices = computed(() => all.value.map((one) => ({ value: one.id, text: one.name })));
  /** Whether a request must name the organization. */
  const isNeeded = computed(() => all.value.length > 1);
  const nameOf = (id: string | null): string => all.value.find((one) => one.id === id)?.name ?? "";
  return { all, choices, isNeeded, nameOf };
}
