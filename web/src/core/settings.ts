// Fields of a form from the settings that a plug-in describes, and the values that are typed into them.

export interface Setting {
  name: string;
  type: string;
  required: boolean;
  default?: unknown;
  description: string;
  platform_only: boolean;
  fields: Setting[];
}
export type Control = "text" | "number" | "switch" | "choice" | "lines" | "json";
export interface Field {
  /** Where the value is: `tls.ca_bundle`. */
  path: string;
  setting: Setting;
  /** What an object needs is needed where the object is. */
  required: boolean;
  control: Control;
  choices: string[];
}

const LIST = /^list of (.+)$/;
const WHOLE = "integer";

/** The fields of a schema in order; those of an object stand where the object is. */
export function fieldsOf(settings: readonly Setting[], above = "", needed = true): Field[] {
  return settings.flatMap((setting) => {
    const path = above + setting.name;
    const required = needed && setting.required;
    if (setting.fields.length && !LIST.test(setting.type)) return fieldsOf(setting.fields, `${path}.`, required);
    const choices = setting.type.includes(" | ") ? setting.type.split(" | ") : [];
    return [{ path, setting, required, control: controlOf(setting, choices), choices }];
  });
}

function controlOf(setting: Setting, choices: readonly string[]): Control {
  if (choices.length) return "choice";
  if (setting.type === "boolean") return "switch";
  if (setting.type === WHOLE) return "number";
  if (LIST.test(setting.type)) return setting.fields.length || setting.type.startsWith("list of object") ? "json" : "lines";
  return setting.type.startsWith("object") ? "json" : "text";
}

/** What the fields show of a configuration; nothing where it says nothing. */
export function typedOf(fields: readonly Field[], config: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(fields.map((one) => [one.path, asText(one, valueAt(config, one.path))]));
}

export function asText(field: Field, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (field.control === "lines" && Array.isArray(value)) return value.join("\n");
  return field.control === "json" ? JSON.stringify(value, null, 2) : String(value);
}

function valueAt(config: Readonly<Record<string, unknown>>, path: string): unknown {
  return path.split(".").reduce<unknown>((found, key) => (isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined), config);
}

/** The configuration that is typed, and the fields in which it is not what the type says. */
export function configOf(fields: readonly Field[], typed: Readonly<Record<string, string>>): { config: Record<string, unknown>; wrong: string[] } {
  const config: Record<string, unknown> = {};
  const wrong: string[] = [];
  for (const one of fields) {
    const text = typed[one.path] ?? "";
    if (text.trim() === "") continue;
    try {
      put(config, one.path.split("."), read(one, text));
    } catch {
      wrong.push(one.path);
    }
  }
  return { config, wrong };
}

function read(field: Field, text: string): unknown {
  switch (field.control) {
    case "switch": return text === "true";
    case "json": return JSON.parse(text);
    case "number": return whole(text);
    case "lines": {
      const lines = text.split("\n").map((one) => one.trim()).filter(Boolean);
      return field.setting.type === `list of ${WHOLE}` ? lines.map(whole) : lines;
    }
    default: return text.trim();
  }
}

function whole(text: string): number {
  if (!/^-?\d+$/.test(text.trim())) throw new TypeError("not a whole number");
  return Number(text);
}

function put(config: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path;
  if (first === undefined) return;
  if (rest.length === 0) config[first] = value;
  else {
    const below = isObject(config[first]) ? config[first] : {};
    config[first] = below;
    put(below, rest, value);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
