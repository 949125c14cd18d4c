// What is said between a host and the parts that it embeds, whether as elements or as Vue components.
import parts from "../design/parts.css?inline";
import shadow from "../design/shadow.css?inline";
import tokens from "../design/tokens.css?inline";

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

let sheets: CSSStyleSheet[] | null = null;

/** Makes a shadow root with the styles of the parts; returns it, and where dialogs are put. */
export function shadowOf(host: HTMLElement): { root: ShadowRoot; dialogs: HTMLElement } {
  sheets ??= [tokens, shadow, parts].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const dialogs = document.createElement("div");
  root.adoptedStyleSheets = sheets;
  root.replaceChildren(dialogs);
  return { root, dialogs };
}
