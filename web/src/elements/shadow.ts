// Shadow roots that have the styles of the parts.
import parts from "../design/parts.css?inline";
import shadow from "../design/shadow.css?inline";
import tokens from "../design/tokens.css?inline";

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
