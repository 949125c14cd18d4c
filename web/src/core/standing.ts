// The one status of a domain, and where it stands on its way. The same facts are in lists and on the
// page of one domain, so both say the same.
import type { Condition, Domain } from "../api/client";

export type Tone = "ok" | "act" | "bad" | "wait" | "idle";
export type StandingName =
  | "live" | "unproved" | "setting_up" | "attention" | "suspended" | "expired" | "failed";
export type StepName = "claimed" | "proved" | "dns" | "certificate" | "live";
export type StepState = "done" | "act" | "wait" | "later";

export interface Step {
  name: StepName;
  state: StepState;
  since: string | null;
  nextCheckAt: string | null;
  conditions: Condition[];
}

const TONES: Record<StandingName, Tone> = {
  live: "ok", unproved: "act", setting_up: "wait", attention: "act", suspended: "idle",
  expired: "bad", failed: "bad",
};

export function standing(domain: Pick<Domain, "status" | "ready">): StandingName {
  switch (domain.status) {
    case "suspended": return "suspended";
    case "expired": return "expired";
    case "error": return "failed";
    case "pending_verification": return "unproved";
    case "verified": return domain.ready ? "live" : "setting_up";
    case "active": return domain.ready ? "live" : "attention";
  }
}

export function toneOf(name: StandingName): Tone {
  return TONES[name];
}

const STEPS: Record<Exclude<StepName, "claimed">, readonly string[]> = {
  proved: ["ownership", "approval", "challenge"],
  dns: ["delegation", "dns", "drift", "pointing"],
  certificate: ["certificate"],
  live: ["serving"],
};
const PLACED = new Set(Object.values(STEPS).flat());

/** The way of a domain; a step that nothing is known of waits for those before it. */
export function timeline(domain: Domain): Step[] {
  const found = domain.conditions ?? [];
  const claimed: Step = {
    name: "claimed", state: "done", since: domain.created_at, nextCheckAt: null, conditions: [],
  };
  const steps = [claimed];
  for (const name of Object.keys(STEPS) as (keyof typeof STEPS)[]) {
    const conditions = found.filter((one) => STEPS[name].includes(one.type));
    const before = steps.every((one) => one.state === "done" || one.conditions.length === 0);
    steps.push({
      name,
      state: stateOf(conditions, before),
      since: conditions.map((one) => one.since).filter(isText).sort().at(-1) ?? null,
      nextCheckAt: conditions.map((one) => one.next_check_at).filter(isText).sort()[0] ?? null,
      conditions,
    });
  }
  return withPassed(steps, domain);
}

/** A live site has passed every step, also one that has no condition of its own. */
function withPassed(steps: Step[], domain: Domain): Step[] {
  const last = steps.findLastIndex((one) => one.state === "done");
  return steps.map((one, place) =>
    one.conditions.length === 0 && (place < last || domain.ready) ? { ...one, state: "done" } : one,
  );
}

function stateOf(conditions: readonly Condition[], reached: boolean): StepState {
  if (conditions.length === 0) return "later";
  if (conditions.every((one) => one.status === true)) return "done";
  if (!reached) return "later";
  const isOurs = conditions.every((one) => one.status === true || one.turn === "nameplate" || one.turn === null);
  return isOurs ? "wait" : "act";
}

/** Conditions of no step, such as a suspension: they are said above everything else. */
export function aside(domain: Domain): Condition[] {
  return (domain.conditions ?? []).filter((one) => !PLACED.has(one.type) && one.status !== true);
}

/** The one thing to do now: what nobody else will do comes first, then what is waited for. */
export function nextThing(domain: Domain): Condition | null {
  const open = (domain.conditions ?? []).filter((one) => one.status !== true);
  return open.find((one) => one.turn === "you") ?? open[0] ?? null;
}

function isText(value: string | null): value is string {
  return value !== null;
}
