// Who is signed in. A session is a cookie that scripts cannot read; a pasted token stays in this tab.
import { computed, reactive } from "vue";
import { Api, ProblemError, type Credential, type Problem } from "./client";
import type { Operation, Permissions } from "./permissions";
import type { components } from "./schema";

export type SessionState = components["schemas"]["SessionState"];
export type Role = components["schemas"]["Role"];

const STORED = "nameplate.token";
const state = reactive<{ known: boolean; session: SessionState | null; token: string | null; organization: string }>({
  known: false, session: null, token: sessionStorage.getItem(STORED), organization: "",
});

const credential: Credential = {
  get token() { return state.token; },
  set token(value) { state.token = value; },
  get csrf() { return state.session?.csrf_token ?? null; },
  set csrf(value) { if (state.session && value !== null) state.session.csrf_token = value; },
  /** An operator may act for all; everybody else acts in one organization, by default the first. */
  get organization() {
    const found = state.session;
    if (found === null || state.organization) return state.organization || null;
    return found.user.operator ? null : (found.organizations[0]?.id ?? null);
  },
  ended: () => forget(),
};

export const api = new Api(window.location.origin, credential);
export const isSignedIn = computed(() => state.token !== null || state.session !== null);
export const session = state;

/** What somebody who is signed in is in the organization that is looked at; null: the platform, or a token. */
export const role = computed<Role | null>(() => {
  const found = state.session;
  if (found === null) return null;
  if (found.user.operator) return state.organization ? "owner" : null;
  return found.organizations.find((one) => one.id === credential.organization)?.role ?? "viewer";
});

export const permissions: Permissions = {
  may(operation: Operation): boolean {
    if (state.session === null || role.value === null) return true;
    return state.session.permitted[role.value]?.includes(operation) ?? false;
  },
};

function forget(): void {
  state.session = null;
  state.token = null;
  sessionStorage.removeItem(STORED);
}

/** Asks once whether the browser has a session. */
export async function resume(): Promise<void> {
  if (state.token === null) {
    const answer = await fetch("/v1/session").catch(() => null);
    if (answer?.ok) take(await answer.json());
  }
  state.known = true;
}

export async function signIn(email: string, password: string, code: string): Promise<void> {
  await begin("/v1/session", { email, password, ...(code ? { code } : {}) });
}

/** Takes an invitation by choosing a password. */
export async function acceptInvitation(token: string, password: string, code: string): Promise<void> {
  await begin("/v1/session/invitation", { token, password, ...(code ? { code } : {}) });
}

async function begin(path: string, body: Record<string, string>): Promise<void> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new ProblemError((await answer.json()) as Problem);
  take(await answer.json());
}

/** The name of the identity provider that people can sign in with; null: there is none. */
export async function identityProvider(): Promise<string | null> {
  const answer = await fetch("/v1/session:methods").catch(() => null);
  const found = answer?.ok ? ((await answer.json()) as { oidc?: string | null }) : {};
  return found.oidc ?? null;
}

/** Takes a token of the API when the API knows it. */
export async function useToken(token: string): Promise<void> {
  const answer = await fetch("/v1/organizations?limit=1", { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new ProblemError((await answer.json()) as Problem);
  sessionStorage.setItem(STORED, token);
  state.token = token;
}

export async function signOut(): Promise<void> {
  if (state.session) await fetch("/v1/session", { method: "DELETE", headers: api.headers() });
  forget();
}

/** Keeps what the API says about the session: after a login, and after a change that replaces it. */
export function take(found: unknown): void {
  state.session = found as SessionState;
}
