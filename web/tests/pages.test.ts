import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { browserOf } from "../src/core/browsers";
import { byAccount, levelOf } from "../src/core/budgets";
import { months, placeOn } from "../src/core/calendar";
import { takenOver } from "../src/core/connection";
import { adoption } from "../src/core/drift";
import { answered, barsOf, sparkline } from "../src/core/health";
import { richOf } from "../src/core/prose";
import { terraform } from "../src/core/records";
import { configOf, fieldsOf, typedOf, type Setting } from "../src/core/settings";
import { span } from "../src/core/time";
import { treeOf } from "../src/core/tree";
import { administrationEn } from "../src/i18n/administration.en";

const setting = (name: string, type: string, more: Partial<Setting> = {}): Setting =>
  ({ name, type, required: false, default: null, description: "", platform_only: false, fields: [], ...more });

describe("settings of plug-ins", () => {
  const fields = fieldsOf([
    setting("api_url", "url", { required: true }),
    setting("hosted", "object", { fields: [setting("kind", "Native | Primary"), setting("servers", "list of host name")] }),
    setting("ports", "list of integer"), setting("marker", "boolean"), setting("base", "object"), setting("batch", "integer"),
  ]);

  it("become fields of the right kind, those of an object in its place", () => {
    expect(fields.map((one) => [one.path, one.control])).toEqual([
      ["api_url", "text"], ["hosted.kind", "choice"], ["hosted.servers", "lines"], ["ports", "lines"],
      ["marker", "switch"], ["base", "json"], ["batch", "number"],
    ]);
    expect(fields[1]?.choices).toEqual(["Native", "Primary"]);
  });

  it("are required where what they belong to is", () => {
    const inner = { fields: [setting("kind", "string", { required: true })] };
    expect(fieldsOf([setting("a", "object", inner), setting("b", "object", { required: true, ...inner })]).map((one) => one.required)).toEqual([false, true]);
  });

  it("come back as they were typed, and say what is no value", () => {
    const config = { api_url: "http://a", hosted: { kind: "Native", servers: ["a", "b"] }, ports: [1, 2], marker: false, base: { x: [1] }, batch: 7 };
    expect(configOf(fields, typedOf(fields, config))).toEqual({ config, wrong: [] });
    expect(configOf(fields, { batch: "7.5", ports: "1\nx", base: "{", api_url: " http://b " }))
      .toEqual({ config: { api_url: "http://b" }, wrong: ["ports", "base", "batch"] });
    expect(configOf(fields, { api_url: "  ", marker: "" })).toEqual({ config: {}, wrong: [] });
  });

  it("take no value from what every object has", () => {
    expect(typedOf(fieldsOf([setting("constructor", "string")]), {})).toEqual({ constructor: "" });
  });
});

describe("the tree of organizations", () => {
  it("puts each below its own, by name, and what hangs nowhere at the top", () => {
    const all = [
      { id: "c", parent: "a", name: "Zed" }, { id: "a", parent: null, name: "Top" }, { id: "b", parent: "a", name: "Mid" },
      { id: "d", parent: "b", name: "Low" }, { id: "e", parent: "unseen", name: "Else" },
    ];
    expect(treeOf(all).map(({ one, depth }) => `${one.name} ${depth}`)).toEqual(["Else 0", "Top 0", "Mid 1", "Low 2", "Zed 1"]);
  });
});

describe("a DNS account", () => {
  const record = (value: string, more: { kind?: string; done?: boolean } = {}) =>
    ({ kind: "dns_record", type: "TXT", name: "_proof.a.example", value, done: false, ...more });

  it("takes over what would be left to do by hand without it, each once", () => {
    const without = [record("a"), record("a"), record("b"), record("c", { done: true }), record("d", { kind: "undecided" })];
    expect(takenOver(without, [record("b"), record("a", { done: true })]).map((one) => one.value)).toEqual(["a"]);
    expect(takenOver(without, [record("b", { kind: "http_file" })]).map((one) => one.value)).toEqual(["a", "b"]);
  });
});

describe("limits of authorities", () => {
  const budget = (account: string, used: number, next: string | null) => ({ account, count: 10, used, next_at: next });
  const now = Date.parse("2026-11-29T12:00:00Z");

  it("are near when most is taken and spent when one more must wait", () => {
    const past = "2026-11-29T12:00:00Z";
    expect([0, 7, 8, 10].map((used) => levelOf(budget("a", used, used ? past : null), now).word)).toEqual(["room", "room", "scarce", "scarce"]);
    expect(levelOf(budget("a", 9, "2026-11-29T12:00:01Z"), now)).toEqual({ tone: "bad", word: "spent" });
  });

  it("are listed by account", () => {
    const found = byAccount([budget("a", 1, ""), budget("b", 2, ""), budget("a", 3, "")]);
    expect(found.map((one) => one.map(({ account, used }) => `${account}${used}`))).toEqual([["a1", "a3"], ["b2"]]);
  });

  it("name their period in its largest whole unit", () => {
    expect([604_800, 10_800, 5400, 61].map((seconds) => span(seconds, "en"))).toEqual(["7 days", "3 hours", "90 minutes", "61 seconds"]);
    expect(span(86_400, "de")).toBe("1 Tag");
  });
});

describe("the health of a day", () => {
  const now = Date.parse("2026-11-29T12:00:00Z");
  const point = (hours: number, looks: number, failed: number, milliseconds = 10) => ({ at: new Date(now - hours * 3_600_000).toISOString(), looks, failed, milliseconds });

  it("is bars that say what failed", () => {
    const bars = barsOf([point(23.9, 3, 0), point(12.1, 4, 4), point(12.2, 2, 1), point(0, 5, 1)], now, 24);
    expect(bars.map((one) => one.tone[0]).join("")).toBe(`o${"n".repeat(10)}a${"n".repeat(11)}a`);
    expect(bars[11]).toMatchObject({ looks: 6, failed: 5 });
    expect(barsOf([point(30, 9, 9)], now).every((one) => one.tone === "none")).toBe(true);
  });

  it("is a part of checks that were answered, and a line of how long that took", () => {
    expect(answered([])).toBeNull();
    expect(answered([point(1, 3, 1), point(2, 1, 0)])).toBe(0.75);
    expect(sparkline([point(24, 1, 0, 5), point(12, 1, 1, 900), point(0, 1, 0, 10)], now, 100, 20)).toBe("0,10 100,0");
  });
});

describe("the calendar of expiries", () => {
  const now = Date.parse("2026-11-29T12:00:00Z");
  const ending = (expires_at: string | null) => ({ expires_at });

  it("has months from this one on, and what is over in the first", () => {
    const found = months([ending("2027-02-03T00:00:00Z"), ending("2026-12-31T23:59:59Z"), ending("2026-01-01T00:00:00Z"), ending(null), ending("2029-01-01T00:00:00Z")], now);
    expect(found.map((one) => [new Date(one.start).toISOString().slice(0, 7), one.ending.length])).toEqual([["2026-11", 1], ["2026-12", 1], ["2027-01", 0], ["2027-02", 1]]);
    expect(months([], now)).toHaveLength(3);
  });

  it("places moments on a line, and none beside it", () => {
    expect([placeOn("2026-01-01", "2026-01-11", "2026-01-06"), placeOn("2026-01-01", "2026-01-11", "2025-01-01"), placeOn("2026-01-01", "2026-01-11", "2027-01-01")]).toEqual([50, 0, 100]);
    expect(placeOn("2026-01-01", "2026-01-01", "2026-01-01")).toBe(100);
  });
});

describe("taking over a drift", () => {
  const record = (id: string, value: string, more = {}) => ({ id, name: "www.a.example", type: "A", value, ttl: 300, priority: null, made_for: null, ...more });
  const set = (values: string[] | null, ttl = 300) => [{ name: "www.a.example.", type: "A", observed: values && { ttl, values } }];

  it("changes as few records as it can", () => {
    const own = [record("1", "192.0.2.1"), record("2", "192.0.2.2")];
    expect(adoption(set(["192.0.2.1", "192.0.2.9"]), own)).toEqual([{ kind: "change", record: own[1], value: "192.0.2.9", ttl: 300 }]);
    expect(adoption(set(["192.0.2.2"], 60), own)).toEqual([{ kind: "remove", record: own[0] }, { kind: "change", record: own[1], value: "192.0.2.2", ttl: 60 }]);
    expect(adoption(set(null), own)?.map((one) => one.kind)).toEqual(["remove", "remove"]);
    expect(adoption(set(["192.0.2.1", "192.0.2.2", "192.0.2.3"]), own)).toEqual([{ kind: "add", name: "www.a.example.", type: "A", value: "192.0.2.3", ttl: 300 }]);
  });

  it("leaves alone what Nameplate made itself, and values with a priority", () => {
    expect(adoption(set(["192.0.2.9"]), [record("1", "192.0.2.1", { made_for: "bnd_1" })])).toBeNull();
    expect(adoption(set(["192.0.2.9"]), [record("1", "192.0.2.1", { priority: 10 })])).toBeNull();
  });
});

describe("the export for Terraform", () => {
  const entry = (type: string, name: string, value: string) => ({ type, name, host: "", value, ttl: 60 });

  it("is one resource for a record set, and nothing in it is filled in", () => {
    const text = terraform([entry("A", "www.a.example", "192.0.2.1"), entry("A", "www.a.example", "192.0.2.2"), entry("TXT", "a.example", '${file("/etc/passwd")} "%{x}"'), entry("CNAME", "b.a.example", "c.example"), entry("CAA", "a.example", '0 issue "x"')], "a.example");
    expect(text).toContain('resource "dns_a_record_set" "r_a_www_a_example" {\n  zone = "a.example."\n  name = "www"\n  ttl  = 60\n  addresses = ["192.0.2.1", "192.0.2.2"]\n}');
    expect(text).toContain('txt = ["$${file(\\"/etc/passwd\\")} \\"%%{x}\\""]');
    expect(text).toContain('cname = "c.example."');
    expect(text).toContain('# CAA a.example. 60 IN CAA 0 issue "x"');
    expect(text.match(/^resource/gm)).toHaveLength(3);
  });
});

describe("words", () => {
  it("name browsers and systems, and nothing of what is neither", () => {
    expect(browserOf("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox · Linux");
    expect(browserOf("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0")).toBe("Edge · Windows");
    expect(browserOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1")).toBe("Safari · iOS");
    expect(browserOf("curl/8")).toBe("");
  });

  it("show code between backticks as code", () => {
    expect(richOf("Set `a`, not b.")).toEqual([{ text: "Set ", code: false }, { text: "a", code: true }, { text: ", not b.", code: false }]);
  });

  it("of administration are not in what is loaded first, nor in the elements", () => {
    const seen = new Set<string>();
    const found = (path: string): string => (existsSync(`${path}.ts`) ? `${path}.ts` : `${path}/index.ts`);
    const walk = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      const source = readFileSync(path, "utf8");
      for (const [, target] of source.matchAll(/^import (?!type)[^;]*?"(\.[^"?]+)(?:\?\w+)?";/gm)) {
        if (!target?.endsWith(".css") && !target?.endsWith(".svg")) walk(target?.endsWith(".vue") ? join(dirname(path), target) : found(join(dirname(path), target ?? "")));
      }
    };
    walk("src/main.ts");
    walk("src/elements.ts");
    const early = [...seen].filter((path) => !path.includes("i18n")).map((path) => readFileSync(path, "utf8")).join("\n");
    expect(seen.size).toBeGreaterThan(40);
    expect(Object.keys(administrationEn).filter((key) => early.includes(`"${key}"`) || early.includes(`'${key}'`))).toEqual([]);
  });
});
