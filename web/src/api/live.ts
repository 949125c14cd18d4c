// What changed, as soon as it is known: a stream of events, or asking for them again and again.
import type { InfiniteData, Query, QueryClient } from "@tanstack/vue-query";
import { ref, type Ref } from "vue";
import { Messages } from "../core/stream";
import { pause } from "../core/time";
import { ok, type Api, type NameplateEvent } from "./client";

const QUIET = 45_000;
const ROWS = 20;

type Pages = InfiniteData<{ data: { id: string }[] }>;

function isLong(query: Query): boolean {
  const data = query.state.data as Pages | undefined;
  return query.queryKey.at(-1) === "list" && (data?.pages.length ?? 0) > 3;
}

export class Live {
  /** When the last answer came, in milliseconds; null before the first. */
  readonly updatedAt: Ref<number | null> = ref(null);
  readonly failing = ref(false);
  readonly #api: Api;
  readonly #queries: QueryClient;
  readonly #told: (event: NameplateEvent) => void;
  readonly #domain: () => string | null;
  readonly #end = new AbortController();
  #connection = new AbortController();
  #since: string | null = null;
  #streams = true;
  #wake: () => void = () => undefined;

  /** `domain`: the only one that the caller may know of; null: every one of its own. */
  constructor(api: Api, queries: QueryClient, told: (event: NameplateEvent) => void = () => undefined, domain: () => string | null = () => null) {
    this.#api = api;
    this.#queries = queries;
    this.#told = told;
    this.#domain = domain;
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#seen);
    window.addEventListener("online", this.#online);
    void this.#run();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#seen);
    window.removeEventListener("online", this.#online);
    this.#end.abort();
    this.#wake();
  }

  readonly #seen = (): void => {
    if (!document.hidden) this.#wake();
  };

  /** With a network again nothing is waited for, and what was open before is not trusted. */
  readonly #online = (): void => {
    this.#connection.abort();
    this.#wake();
  };

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#end.signal.aborted) {
      this.#connection = new AbortController();
      try {
        await this.#poll();
        failures = 0;
        this.failing.value = false;
        if (this.#streams && !document.hidden) await this.#stream();
      } catch {
        failures += 1;
        this.failing.value = failures > 1;
      }
      if (!this.#connection.signal.aborted) await this.#sleep(pause(failures, document.hidden));
    }
  }

  async #poll(): Promise<void> {
    for (;;) {
      const domain = this.#domain();
      const query = { since: this.#since ?? "now", limit: 100, ...(domain === null ? {} : { domain }) };
      const signal = AbortSignal.any([this.#end.signal, this.#connection.signal]);
      const page = await ok(this.#api.client.GET("/v1/events", { params: { query }, signal }));
      this.#since = page.next_cursor ?? this.#since;
      this.#take(page.data);
      if (!page.has_more) return;
    }
  }

  /** Reads the stream until it ends or is quiet for too long; an API without one is asked no more. */
  async #stream(): Promise<void> {
    const quiet = new AbortController();
    let timer = setTimeout(() => quiet.abort(), QUIET);
    const url = `${this.#api.base}/v1/events/stream?since=${encodeURIComponent(this.#since ?? "now")}`;
    try {
      const answer = await this.#api.send(new Request(url, {
        headers: { Accept: "text/event-stream" },
        signal: AbortSignal.any([this.#end.signal, this.#connection.signal, quiet.signal]),
      }));
      if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        this.#streams = answer.status >= 500 || [401, 429].includes(answer.status);
        return;
      }
      const messages = new Messages();
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const piece = await reader?.read();
        if (piece === undefined || piece.done) return;
        clearTimeout(timer);
        timer = setTimeout(() => quiet.abort(), QUIET);
        this.updatedAt.value = Date.now();
        const found = messages.take(piece.value);
        this.#take(found.map((one) => asEvent(one.data)).filter((one) => one !== null));
        this.#since = found.map((one) => one.id).filter((id) => id.startsWith("evt_")).at(-1) ?? this.#since;
        if (document.hidden) {
          await reader?.cancel();
          return;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(events: readonly NameplateEvent[]): void {
    this.updatedAt.value = Date.now();
    if (events.length === 0) return;
    const kinds = new Set(events.map((one) => one.about.type));
    const stale = new Set<string>(["event"]);
    for (const kind of kinds) stale.add(kind);
    if (events.some((one) => one.domain !== null)) stale.add("domain");
    if (kinds.has("registration_purchase")) stale.add("registration");
    void this.#queries.invalidateQueries({ predicate: (query) => stale.has(String(query.queryKey[0])) && !isLong(query) });
    void this.#renew(new Set(events.map((one) => one.domain).filter((id) => id !== null)));
    for (const one of events) this.#told(one);
  }

  /** Changes the rows of long lists one by one: to ask for all of their pages again would take minutes. */
  async #renew(ids: ReadonlySet<string>): Promise<void> {
    const long = this.#queries.getQueryCache().findAll({ queryKey: ["domain"], predicate: isLong });
    if (long.length === 0) return;
    for (const id of [...ids].slice(0, ROWS)) {
      const params = { path: { domain: id } };
      const found = await ok(this.#api.client.GET("/v1/domains/{domain}", { params })).catch(() => null);
      if (found === null) continue;
      for (const query of long) {
        this.#queries.setQueryData<Pages>(query.queryKey, (known) => known && {
          ...known,
          pages: known.pages.map((page) => ({ ...page, data: page.data.map((one) => (one.id === id ? found : one)) })),
        });
      }
    }
  }

  #sleep(time: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function asEvent(data: string): NameplateEvent | null {
  try {
    const found: unknown = JSON.parse(data);
    const isEvent = typeof found === "object" && found !== null && "about" in found;
    return isEvent ? (found as NameplateEvent) : null;
  } catch {
    return null;
  }
}
