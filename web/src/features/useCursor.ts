// Lists by cursor: pages that are fetched as they are needed.
import { keepPreviousData, useInfiniteQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";

export interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

export function useCursor<T>(key: MaybeRefOrGetter<readonly unknown[]>, fetch: (cursor: string | null) => Promise<Page<T>>,
  placeholder?: typeof keepPreviousData) {
  const query = useInfiniteQuery({
    queryKey: computed(() => [...toValue(key), "list"]),
    queryFn: ({ pageParam }) => fetch(pageParam),
    initialPageParam: null as string | null,
    shallow: true,
    ...(placeholder ? { placeholderData: keepPreviousData } : {}),
    getNextPageParam: (page: Page<T>) => (page.has_more ? page.next_cursor : null),
  });
  const rows = computed(() => query.data.value?.pages.flatMap((page) => page.data) ?? []);
  return { query, rows };
}
