// A typed client of Nameplate's API, for browsers and for every runtime that has `fetch`.
import { Api, type Credential } from "../../src/api/calls";

export { Api, ok, ProblemError } from "../../src/api/calls";
export type * from "../../src/api/calls";
export type { components, operations, paths } from "../../src/api/schema";

export interface Connection {
  /** Where Nameplate is, such as `https://nameplate.example.com`. */
  url: string;
  /** A token of the API, or an embed token. */
  token?: string;
  /** Gets a token when there is none, or this one has run out. */
  renewToken?: () => Promise<string>;
}

/** Returns a client. Nothing is sent yet. */
export function connect({ url, token, renewToken }: Connection): Api {
  const credential: Credential = { token: token ?? null, csrf: null, ...(renewToken ? { renew: renewToken } : {}) };
  return new Api(url, credential);
}
