import { describe, expect, it } from "vitest";
import type { Condition, Domain } from "../src/api/client";
import { mixedScripts, pasted } from "../src/core/names";
import { csv, csvOf, mailTo, zoneFile } from "../src/core/records";
import { aside, nextThing, standing, timeline } from "../src/core/standing";
import { Messages } from "../src/core/stream";
import { countdown, lived, pause, relative } from "../src/core/time";
import { shares } from "../src/core/weights";

const condition = (type: string, given: Partial<Condition> = {}): Condition => ({
  type, status: true, reason: "", message: "", observed: [], expected: [], fix: "", turn: null, since: null,
  next_check_at: null, ...given,
});
const domain = (given: Partial<Domain>): Domain =>
  ({ status: "active", ready: false, created_at: "2026-11-29T10:00:00Z", conditions: [], ...given }) as Domain;
const states = (given: Partial<Domain>): string => timeline(domain(given)).map((one) => one.state).join(" ");

describe("where a domain stands", () => {
  it("has one status that needs nothing but what lists have", () => {
    expect(standing({ status: "active", ready: true })).toBe("live");
    expect(standing({ status: "verified", ready: false })).toBe("setting_up");
    expect(standing({ status: "active", ready: false })).toBe("attention");
    expect(standing({ status: "pending_verification", ready: false })).toBe("unproved");
    expect(standing({ status: "suspended", ready: true })).toBe("suspended");
  });

  it("asks for one step at a time", () => {
    const open = { status: false, turn: "you" } as const;
    expect(states({ conditions: [condition("ownership", open), condition("serving", open)] })).toBe("done act later later later");
    expect(states({ conditions: [condition("ownership"), condition("dns", { status: null, turn: "nameplate" }), condition("serving", open)] })).toBe("done done wait later later");
  });

  it("has passed what is before a step that is done", () => {
    expect(states({ conditions: [condition("ownership"), condition("certificate"), condition("serving", { status: false, turn: "you" })] })).toBe("done done done done act");
    expect(states({ ready: true, conditions: [condition("ownership"), condition("serving")] })).toBe("done done done done done");
  });

  it("says first what nobody else will do", () => {
    const waiting = condition("dns", { status: false, turn: "nameplate", reason: "wait" });
    const mine = condition("serving", { status: false, turn: "you", reason: "mine" });
    expect(nextThing(domain({ conditions: [waiting, mine] }))?.reason).toBe("mine");
    expect(nextThing(domain({ conditions: [waiting] }))?.reason).toBe("wait");
    expect(nextThing(domain({ conditions: [condition("dns")] }))).toBeNull();
    expect(aside(domain({ conditions: [condition("suspension", { status: false }), waiting] })).map((one) => one.type)).toEqual(["suspension"]);
  });
});

describe("files of records", () => {
  const entry = { type: "TXT", name: "_x.example.com", host: "_x", value: 'a"b\\c', ttl: 300 };

  it("writes zone files that keep every octet", () => {
    expect(zoneFile([entry])).toBe('_x.example.com. 300 IN TXT "a\\"b\\\\c"\n');
    expect(zoneFile([{ ...entry, value: "ü\n" }])).toContain('"\\195\\188\\010"');
    expect(zoneFile([{ ...entry, value: "a".repeat(256) }])).toContain(`"${"a".repeat(255)}" "a"`);
    expect(zoneFile([{ ...entry, type: "CNAME", value: "edge.example" }])).toBe("_x.example.com. 300 IN CNAME edge.example.\n");
  });

  it("writes CSV that no spreadsheet runs", () => {
    expect(csv([["=1+1", "+2", "-3", "@x", "\tx"]])).toBe("'=1+1,'+2,'-3,'@x,'\tx\r\n");
    expect(csv([['a"b', "c,d", "e\nf"]])).toBe('"a""b","c,d","e\nf"\r\n');
    expect(csvOf([entry])).toBe('type,name,value,ttl\r\nTXT,_x.example.com,"a""b\\c",300\r\n');
  });

  it("cannot leave the body of a mail", () => {
    expect(mailTo("a&b", "x&cc=y\n")).toBe("mailto:?subject=a%26b&body=x%26cc%3Dy%0A");
  });
});

describe("names", () => {
  it("takes lines, columns and addresses, each once", () => {
    expect(pasted("name,owner\nShop.Example.com,me\r\n https://a.example/path \n\na.example.\n*.b.example c.example:8080\n"))
      .toEqual(["shop.example.com", "a.example", "*.b.example", "c.example"]);
    expect(pasted("  \n,,\n")).toEqual([]);
  });

  it("tells scripts that do not belong together", () => {
    expect(mixedScripts("p\u0430ypal.example")).toEqual(["Latin", "Cyrillic"]);
    expect(mixedScripts("пример.example")).toEqual([]);
    expect(mixedScripts("日本語abc.example")).toEqual([]);
    expect(mixedScripts("münchen.example")).toEqual([]);
  });
});

describe("times", () => {
  const now = Date.parse("2026-11-29T10:00:00Z");

  it("are near or counted down", () => {
    expect(relative(now - 4000, now, "en")).toBe("4 seconds ago");
    expect(relative(now + 7_200_000, now, "de")).toBe("in 2 Stunden");
    expect(countdown(now + 61_000, now)).toBe("1:01");
    expect(countdown(now + 3_661_000, now)).toBe("1:01:01");
    expect(countdown(now, now)).toBe("");
    expect(lived("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", Date.parse("2026-11-16T00:00:00Z"))).toBe(0.5);
    expect(lived("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", now)).toBe(1);
  });

  it("pause longer after failures and where nobody looks", () => {
    expect(pause(0, false)).toBeLessThan(pause(1, false));
    expect(pause(0, true)).toBeGreaterThan(pause(0, false));
    expect(pause(99, false)).toBe(256_000);
    expect(pause(99, true)).toBe(300_000);
  });
});

describe("shares", () => {
  it("sum up to a hundred whatever the weights", () => {
    for (const weights of [[1, 1, 1], [100, 0], [7, 3, 5, 11], [33, 33, 33]]) {
      expect(shares(weights).reduce((sum, one) => sum + Math.round(one * 10), 0)).toBe(1000);
    }
    expect(shares([50, 50])).toEqual([50, 50]);
    expect(shares([0, 0])).toEqual([0, 0]);
  });
});

describe("a stream of events", () => {
  it("is read in whatever pieces it comes", () => {
    const text = ": hello\n\nevent: ready\nid: evt_1\ndata: {}\n\nid: evt_2\r\ndata: a\r\ndata: b\r\n\r\ndata:c\n\n";
    const whole = new Messages().take(text);
    expect(whole).toEqual([
      { id: "evt_1", type: "ready", data: "{}" },
      { id: "evt_2", type: "message", data: "a\nb" },
      { id: "evt_2", type: "message", data: "c" },
    ]);
    const reader = new Messages();
    expect([...text].flatMap((piece) => reader.take(piece))).toEqual(whole);
  });
});
