// The elements: parts of the console in any page, each in a shadow root of its own.
import { QueryClient, VueQueryPlugin } from "@tanstack/vue-query";
import { createApp, h, reactive, type App } from "vue";
import { Api, API, type Credential } from "./api/client";
import { Live } from "./api/live";
import parts from "./design/parts.css?inline";
import tokens from "./design/tokens.css?inline";
import DomainManager from "./elements/DomainManager.vue";
import DomainPart from "./elements/DomainPart.vue";
import { setLocale } from "./i18n";
import { PORTAL } from "./parts/portal";

const SHEETS = [tokens, parts].map((text) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
});

/** Gets a new embed token when the old one has run out. */
type Renew = () => Promise<string>;

abstract class NameplateElement extends HTMLElement {
  static readonly observedAttributes = ["api", "token", "domain", "language", "theme"];

  /** A host sets it so that a token that has run out is replaced. */
  renewToken: Renew | null = null;

  readonly #given = reactive({ domain: "" });
  readonly #credential: Credential = {
    token: null,
    csrf: null,
    renew: async () => (await this.renewToken?.()) ?? null,
    ended: () => this.#tell("nameplate:token-expired", {}),
  };
  #app: App | null = null;
  #live: Live | null = null;
  #queries: QueryClient | null = null;

  protected abstract shown(domain: string): ReturnType<typeof h>;

  connectedCallback(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = SHEETS;
    const place = document.createElement("div");
    const dialogs = document.createElement("div");
    root.replaceChildren(place, dialogs);
    const api = new Api(this.getAttribute("api") ?? new URL(import.meta.url).origin, this.#credential);
    this.#queries = new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 5000 } } });
    this.#live = new Live(api, this.#queries);
    this.#app = createApp({ render: () => h("div", { class: "np" }, [this.shown(this.#given.domain)]) })
      .use(VueQueryPlugin, { queryClient: this.#queries })
      .provide(API, api)
      .provide(PORTAL, dialogs);
    this.#app.mount(place);
    this.#live.start();
  }

  disconnectedCallback(): void {
    this.#live?.stop();
    this.#app?.unmount();
    this.#queries?.clear();
    this.#app = null;
  }

  attributeChangedCallback(name: string, _before: string | null, value: string | null): void {
    if (name === "token") this.#credential.token = value;
    if (name === "domain") this.#given.domain = value ?? "";
    if (name === "language" && value) setLocale(value);
    if (name === "theme" && value) this.setAttribute("data-theme", value);
  }

  protected readonly told = (name: string, detail: Record<string, unknown>): void => this.#tell(`nameplate:${name}`, detail);

  #tell(name: string, detail: Record<string, unknown>): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

class DomainManagerElement extends NameplateElement {
  protected override shown() {
    return h(DomainManager, { onTell: this.told });
  }
}

class DomainSetupElement extends NameplateElement {
  protected override shown(domain: string) {
    return h(DomainPart, { key: domain, domain, part: "setup", onTell: this.told });
  }
}

class DnsRecordEditorElement extends NameplateElement {
  protected override shown(domain: string) {
    return h(DomainPart, { key: domain, domain, part: "records", onTell: this.told });
  }
}

class ApplicationDomainBindingElement extends NameplateElement {
  protected override shown(domain: string) {
    return h(DomainPart, { key: domain, domain, part: "bindings", onTell: this.told });
  }
}

const ELEMENTS = {
  "nameplate-domain-manager": DomainManagerElement,
  "nameplate-domain-setup": DomainSetupElement,
  "nameplate-dns-record-editor": DnsRecordEditorElement,
  "nameplate-application-domain-binding": ApplicationDomainBindingElement,
};
for (const [name, element] of Object.entries(ELEMENTS)) {
  if (!customElements.get(name)) customElements.define(name, element);
}
