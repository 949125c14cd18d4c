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

export function plain(entries: readonly Entry[]): string {
  return entries.map((one) => `${one.type}\t${one.host}\t${one.value}\t${one.ttl}\n`).join("");
}

export function mailTo(subject: string, text: string): string {
  return `mailto:?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(text)}`;
}
