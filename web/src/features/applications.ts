import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { ok, useApi, type Application } from "../api/client";

/** Applications by id, for names and choices. */
export function useApplications() {
  const api = useApi();
  const query = useQuery({
    queryKey: ["application", "all"],
    queryFn: () => ok(api.client.GET("/v1/applications", { params: { query: { limit: 100 } } })),
    staleTime: 30_000,
  });
  const all = computed<Application[]>(() => query.data.value?.data ?? []);
  const nameOf = (id: string): string => all.value.find((one) => one.id === id)?.name ?? id;
  return { all, nameOf };
}
