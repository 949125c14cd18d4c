// What is said between a host and the parts that it embeds, whether as elements or as Vue components.

export type Part = "domains" | "setup" | "records" | "bindings";

/** Gets a new embed token from the host's own server when there is none, or the old one has run out. */
export type Renew = () => Promise<string>;

/** What a part tells its host -> what it says about it. */
export interface Told {
  "domain-opened": { name: string };
  "domain-ready": { id: string; name: string };
  "records-changed": { id: string; name: string };
  "bindings-changed": { id: string; name: string };
  "token-expired": Record<string, never>;
}

export type Tell = <Name extends keyof Told>(name: Name, detail: Told[Name]) => void;
