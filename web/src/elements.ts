// The elements: parts of the console in any page, each in a shadow root of its own.
import { createApp, h, shallowReactive, type App } from "vue";
import EmbeddedPart from "./elements/EmbeddedPart.vue";
import type { Part, Renew, Tell } from "./elements/host";
import { shadowOf } from "./elements/shadow";
import { setLocale } from "./i18n";

const HERE = new URL(/* @vite-ignore */ ".", import.meta.url).href;

abstract class NameplateElement extends HTMLElement {
  static readonly observedAttributes = ["api", "token", "domain", "language", "theme"];
  protected abstract readonly shown: Part;

  readonly #given = shallowReactive({ api: HERE, token: null as string | null, domain: "", renew: null as Renew | null });
  #app: App | null = null;

  /** A host sets it so that a token that has run out is replaced. */
  get renewToken(): Renew | null {
    return this.#given.renew;
  }
  set renewToken(renew: Renew | null) {
    this.#given.renew = renew;
  }

  connectedCallback(): void {
    this.#takeEarly();
    const { root, dialogs } = shadowOf(this);
    const place = document.createElement("div");
    root.prepend(place);
    const part = this.shown;
    this.#app = createApp({
      render: () => h("div", { class: "np" }, h(EmbeddedPart, { ...this.#given, key: this.#given.api, part, dialogs, onTell: this.#tell })),
    });
    this.#app.mount(place);
  }

  disconnectedCallback(): void {
    this.#app?.unmount();
    this.#app = null;
  }

  attributeChangedCallback(name: string, _before: string | null, value: string | null): void {
    if (name === "api") this.#given.api = value ?? HERE;
    if (name === "token") this.#given.token = value;
    if (name === "domain") this.#given.domain = value ?? "";
    if (name === "language" && value) setLocale(value);
    if (name === "theme") this.toggleAttribute("data-theme", value !== null);
    if (name === "theme" && value) this.setAttribute("data-theme", value);
  }

  /** A host may have set the property before this script was there: on the plain element. */
  #takeEarly(): void {
    const early = Object.getOwnPropertyDescriptor(this, "renewToken");
    if (early === undefined) return;
    Reflect.deleteProperty(this, "renewToken");
    this.renewToken = early.value as Renew;
  }

  readonly #tell: Tell = (name, detail) => {
    this.dispatchEvent(new CustomEvent(`nameplate:${name}`, { detail, bubbles: true, composed: true }));
  };
}

const ELEMENTS: Record<string, Part> = {
  "nameplate-domain-manager": "domains",
  "nameplate-domain-setup": "setup",
  "nameplate-dns-record-editor": "records",
  "nameplate-application-domain-binding": "bindings",
};
for (const [name, part] of Object.entries(ELEMENTS)) {
  if (customElements.get(name)) continue;
  customElements.define(name, class extends NameplateElement {
    protected override readonly shown = part;
  });
}
