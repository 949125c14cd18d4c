import { computed } from "vue";
import { useCursor, type Page } from "./useCursor";

/** A list for `ListCard`. */
export function useList<T>(key: () => readonly unknown[], fetch: (cursor: string | null) => Promise<Page<T>>) {
  const { query, rows } = useCursor(key, fetch);
  const list = computed(() => ({ error: query.error.value, pending: query.isPending.value, more: query.hasNextPage.value }));
  return { list, rows, more: () => void query.fetchNextPage(), again: () => void query.refetch() };
}
