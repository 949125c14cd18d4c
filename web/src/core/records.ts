// Records to publish, as the panels and files of DNS hosts want them. What comes in is text.

export interface Entry {
  type: string;
  name: string;
  /** What to type into the host field of the detected panel. */
  host: string;
  value: string;
  ttl: number;
}

/** A zone file (RFC 1035) with absolute names. */
export function zoneFile(entries: readonly Entry[]): string {
  return entries
    .map((one) => `${absolute(one.name)} ${one.ttl} IN ${one.type} ${zoneValue(one)}\n`)
    .join("");
}

export function absolute(name: string): string {
  return name.endsWith(".") ? name : `${name}.`;
}

const OF_NAMES = new Set(["CNAME", "NS", "ALIAS", "ANAME", "DNAME", "PTR"]);

function zoneValue(one: Entry): string {
  if (one.type === "TXT") return quoted(one.value);
  if (OF_NAMES.has(one.type)) return absolute(one.value);
  return one.value.replaceAll(/[\r\n]+/g, " ");
}

/** Character strings have at most 255 octets (RFC 1035 section 3.3). */
function quoted(value: string): string {
  const octets = new TextEncoder().encode(value);
  const parts: string[] = [];
  for (let start = 0; start === 0 || start < octets.length; start += 255) {
    parts.push(`"${[...octets.subarray(start, start + 255)].map(written).join("")}"`);
  }
  return parts.join(" ");
}

function written(octet: number): string {
  if (octet === 0x22 || octet === 0x5c) return `\\${String.fromCharCode(octet)}`;
  if (octet >= 0x20 && octet < 0x7f) return String.fromCharCode(octet);
  return `\\${String(octet).padStart(3, "0")}`;
}

/** CSV (RFC 4180) that no spreadsheet takes for formulas. */
export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: string): string {
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export function csvOf(entries: readonly Entry[]): string {
  const rows = entries.map((one) => [one.type, one.name, one.value, String(one.ttl)]);
  return csv([["type", "name", "value", "ttl"], ...rows]);
}

/** Terraform's own DNS provider (RFC 2136): one resource for each record set. */
export function terraform(entries: readonly Entry[], zone: string): string {
  const sets = new Map<string, Entry[]>();
  for (const one of entries) {
    const key = `${one.type} ${one.name}`;
    sets.set(key, [...(sets.get(key) ?? []), one]);
  }
  const used = new Set<string>();
  return [...sets.values()].map((set) => resource(set, zone, used)).join("\n");
}

const TERRAFORM: Readonly<Record<string, { kind: string; field: string }>> = {
  A: { kind: "dns_a_record_set", field: "addresses" },
  AAAA: { kind: "dns_aaaa_record_set", field: "addresses" },
  CNAME: { kind: "dns_cname_record", field: "cname" },
  NS: { kind: "dns_ns_record_set", field: "nameservers" },
  TXT: { kind: "dns_txt_record_set", field: "txt" },
};

function resource(set: readonly Entry[], zone: string, used: Set<string>): string {
  const first = set[0] as Entry;
  const known = TERRAFORM[first.type];
  const of = zone.replace(/\.$/, "");
  const below = first.name.replace(/\.$/, "");
  if (known === undefined) return set.map((one) => `# ${one.type} ${zoneFile([one]).trim()}\n`).join("");
  const values = set.map((one) => hcl(first.type === "NS" || first.type === "CNAME" ? absolute(one.value) : one.value));
  const name = below === of ? "" : below.slice(0, below.endsWith(`.${of}`) ? -of.length - 1 : undefined);
  return [
    `resource "${known.kind}" "${labelOf(first, used)}" {`,
    `  zone = ${hcl(absolute(of))}`,
    ...(name ? [`  name = ${hcl(name)}`] : []),
    `  ttl  = ${first.ttl}`,
    `  ${known.field} = ${known.field === "cname" ? (values[0] ?? "") : `[${values.join(", ")}]`}`,
    "}",
    "",
  ].join("\n");
}

function labelOf(one: Entry, used: Set<string>): string {
  const wanted = `r_${one.type}_${one.name}`.toLowerCase().replaceAll(/[^a-z0-9_]+/g, "_");
  let label = wanted;
  for (let n = 2; used.has(label); n += 1) label = `${wanted}_${n}`;
  used.add(label);
  return label;
}

/** A quoted template of HCL in which nothing is filled in. */
function hcl(value: string): string {
  const inner = [...JSON.stringify(value)].slice(1, -1).join("");
  return `"${inner.replaceAll(/[$%](?=\{)/g, (sign) => sign + sign)}"`;
}

export function plain(entries: readonly Entry[]): string {
  return entries.map((one) => `${one.type}\t${one.host}\t${one.value}\t${one.ttl}\n`).join("");
}

export function mailTo(subject: string, text: string): string {
  return `mailto:?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(text)}`;
}
