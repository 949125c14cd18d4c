// The typed client, its credential, and problems as errors. No part of it knows Vue.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Domain = Schemas["DomainShape"];
export type Condition = Schemas["ConditionShape"];
export type Instruction = Schemas["InstructionShape"];
export type Binding = Schemas["BindingShape"];
export type Certificate = Schemas["CertificateShape"];
export type DnsRecord = Schemas["RecordShape"];
export type Plan = Schemas["PlanShape"];
export type Finding = Schemas["FindingShape"];
export type NameplateEvent = Schemas["EventShape"];
export type Application = Schemas["ApplicationShape"];
export type Organization = Schemas["OrganizationShape"];
export type Server = Schemas["ServerShape"];
export type Problem = Schemas["Problem"];

export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** What sends the credential: a pasted token, an embed token, or the cookie of a session. */
export interface Credential {
  token: string | null;
  csrf: string | null;
  /** Which organization somebody who is signed in acts in; null: the platform, or the only one. */
  organization?: string | null;
  /** Gets a token when there is none, or this one has run out; null when it cannot. */
  renew?: () => Promise<string | null>;
  /** Told when the API knows the caller no more. */
  ended?: () => void;
}

export class Api {
  readonly client: Client<paths>;
  readonly base: string;
  readonly credential: Credential;
  #renewing: Promise<string | null> | null = null;

  constructor(base: string, credential: Credential) {
    this.base = base.replace(/\/$/, "");
    this.credential = credential;
    this.client = createClient<paths>({
      baseUrl: this.base,
      fetch: (request: Request) => this.send(request),
    });
  }

  headers(): Record<string, string> {
    const { token, csrf, organization } = this.credential;
    if (token !== null) return { Authorization: `Bearer ${token}` };
    return {
      ...(csrf === null ? {} : { "X-CSRF-Token": csrf }),
      ...(organization ? { "Nameplate-Organization": organization } : {}),
    };
  }

  /** Sends a request as the caller, with another token when this one has run out. */
  async send(request: Request): Promise<Response> {
    const again = request.clone();
    if (this.credential.token === null && this.credential.csrf === null) await this.#renewed(null);
    const used = this.credential.token;
    const answer = await fetch(this.#signed(request));
    if (!(await isUnknown(answer))) return answer;
    if (await this.#renewed(used)) {
      const second = await fetch(this.#signed(again));
      if (!(await isUnknown(second))) return second;
    }
    this.credential.ended?.();
    return answer;
  }

  /** Replaces the token that was used, once for all requests that it was refused to; tells whether. */
  async #renewed(used: string | null): Promise<boolean> {
    const { credential } = this;
    if (credential.token !== used) return true;
    if (credential.renew === undefined) return false;
    this.#renewing ??= credential.renew().catch(() => null).finally(() => (this.#renewing = null));
    const token = await this.#renewing;
    if (token) credential.token = token;
    return Boolean(token);
  }

  #signed(request: Request): Request {
    for (const [name, value] of Object.entries(this.headers())) request.headers.set(name, value);
    if (request.method === "POST" && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", crypto.randomUUID());
    }
    return request;
  }
}

/** Whether the API does not know the caller; a wrong password or code is refused with the same status. */
async function isUnknown(answer: Response): Promise<boolean> {
  if (answer.status !== 401) return false;
  const problem: unknown = await answer.clone().json().catch(() => null);
  return typeof problem !== "object" || problem === null || !("code" in problem) || problem.code === "unauthenticated";
}

/** Returns the data of an answer, or throws what was wrong. */
export async function ok<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer;
  if (response.ok) return data as T;
  throw new ProblemError(asProblem(error, response));
}

function asProblem(error: unknown, response: Response): Problem {
  if (typeof error === "object" && error !== null && "code" in error) return error as Problem;
  return {
    type: "", title: response.statusText, status: response.status, code: "unexpected_answer",
    detail: `The server answered with status ${response.status}.`, doc_url: "",
    request_id: response.headers.get("X-Request-Id") ?? "", errors: [], retryable: true,
    retry_after: null,
  };
}
