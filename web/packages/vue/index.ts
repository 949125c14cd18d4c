// Parts of Nameplate's page as Vue components. Each is in a shadow root, as the elements are.
import { defineComponent, h, onMounted, ref, shallowRef, Teleport, watchEffect, type PropType } from "vue";
import EmbeddedPart from "../../src/elements/EmbeddedPart.vue";
import type { Part, Renew, Tell, Told } from "../../src/elements/host";
import { shadowOf } from "../../src/elements/shadow";
import { setLocale } from "../../src/i18n";

export type { Renew, Told };

const PROPS = {
  /** Address of the API, such as `https://nameplate.example.com`. */
  api: { type: String, required: true },
  /** An embed token that the host's server asked for. */
  token: { type: String as PropType<string | null>, default: null },
  /** Gets an embed token when there is none, or the old one has run out. */
  renewToken: { type: Function as PropType<Renew | null>, default: null },
  /** Default: the browser's. */
  language: { type: String as PropType<"en" | "de" | null>, default: null },
  /** Default: the system's. */
  theme: { type: String as PropType<"light" | "dark" | null>, default: null },
} as const;

const DOMAIN = {
  /** Name or id. */
  domain: { type: String, required: true },
} as const;

const EVENTS = {
  domainOpened: (_: Told["domain-opened"]) => true,
  domainReady: (_: Told["domain-ready"]) => true,
  recordsChanged: (_: Told["records-changed"]) => true,
  bindingsChanged: (_: Told["bindings-changed"]) => true,
  tokenExpired: (_: Told["token-expired"]) => true,
};

interface Given {
  readonly api: string;
  readonly token: string | null;
  readonly renewToken: Renew | null;
  readonly language: "en" | "de" | null;
  readonly theme: "light" | "dark" | null;
}

/** Returns what a component renders: a shadow root, and one part of the page in it. */
function embedded(part: Part, props: Given, domain: () => string, emit: (name: never, detail: never) => void) {
  const host = ref<HTMLElement>();
  const shadow = shallowRef<ReturnType<typeof shadowOf>>();
  const tell: Tell = (name, detail) => {
    emit(name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as never, detail as never);
  };
  onMounted(() => {
    if (host.value) shadow.value = shadowOf(host.value);
  });
  watchEffect(() => {
    if (props.language) setLocale(props.language);
  });
  return () => h("div", { ref: host, "data-theme": props.theme }, shadow.value && [
    h(Teleport, { to: shadow.value.root }, h("div", { class: "np" }, h(EmbeddedPart, {
      key: props.api, part, api: props.api, token: props.token, renew: props.renewToken, domain: domain(),
      dialogs: shadow.value.dialogs, onTell: tell,
    }))),
  ]);
}

/** The list of domains, and the page of each. */
export const NameplateDomainManager = defineComponent({
  name: "NameplateDomainManager",
  props: PROPS,
  emits: EVENTS,
  setup: (props, { emit }) => embedded("domains", props, () => "", emit),
});

/** Where a domain stands, and the records to publish. */
export const NameplateDomainSetup = defineComponent({
  name: "NameplateDomainSetup",
  props: { ...PROPS, ...DOMAIN },
  emits: EVENTS,
  setup: (props, { emit }) => embedded("setup", props, () => props.domain, emit),
});

/** The records of a domain. */
export const NameplateDnsRecordEditor = defineComponent({
  name: "NameplateDnsRecordEditor",
  props: { ...PROPS, ...DOMAIN },
  emits: EVENTS,
  setup: (props, { emit }) => embedded("records", props, () => props.domain, emit),
});

/** The bindings of a domain to applications. */
export const NameplateApplicationDomainBinding = defineComponent({
  name: "NameplateApplicationDomainBinding",
  props: { ...PROPS, ...DOMAIN },
  emits: EVENTS,
  setup: (props, { emit }) => embedded("bindings", props, () => props.domain, emit),
});
