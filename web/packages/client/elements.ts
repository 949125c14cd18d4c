// Types of the elements that `nameplate-elements.js` defines. There is nothing to run in here.
import type { Renew, Told } from "../../src/elements/host";

export type { Renew, Told };

export interface NameplateElement extends HTMLElement {
  /** Gets an embed token from the host's own server when there is none, or the old one has run out. */
  renewToken: Renew | null;
}

/** What each element takes as attributes. */
export interface NameplateAttributes {
  token?: string;
  /** Name or id. */
  domain?: string;
  /** Address of the API. Default: where the script comes from. */
  api?: string;
  /** Default: the browser's. */
  language?: "en" | "de";
  /** Default: the system's. */
  theme?: "light" | "dark";
}

export type NameplateElementName =
  | "nameplate-domain-manager"
  | "nameplate-domain-setup"
  | "nameplate-dns-record-editor"
  | "nameplate-application-domain-binding";

type Tags = Record<NameplateElementName, NameplateElement>;
type Events = { [Name in keyof Told as `nameplate:${Name}`]: CustomEvent<Told[Name]> };

declare global {
  interface HTMLElementTagNameMap extends Tags {}
  interface HTMLElementEventMap extends Events {}
}
