// Which servers serve a binding, as far as the caller may see them.
import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { ok, useApi, type Binding, type Server } from "../api/client";
import { usePermissions } from "../api/permissions";

export function useServers() {
  const api = useApi();
  const { may } = usePermissions();
  const query = useQuery({
    queryKey: ["server", "all"],
    queryFn: () => ok(api.client.GET("/v1/servers", { params: { query: { limit: 100 } } })),
    staleTime: 60_000,
    enabled: may("list_servers"),
  });
  const all = computed<Server[]>(() => query.data.value?.data ?? []);
  const shownAs = (one: Server): string => (one.region ? `${one.name} (${one.region})` : one.name);
  /** Names and regions of the servers that serve it; empty where they are not known. */
  const placeOf = (one: Binding): string => all.value
    .filter((server) => server.id === one.server || (one.server_group !== null && server.server_group === one.server_group))
    .map(shownAs).join(", ");
  return { all, placeOf };
}
