import type { InjectionKey } from "vue";

/** Where dialogs are put: an element in the shadow root of an embedded element, else the body. */
export const PORTAL: InjectionKey<string | HTMLElement> = Symbol("portal");
