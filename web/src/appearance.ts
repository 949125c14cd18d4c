// Theme, density and language, as this browser was told.
import { reactive, watch } from "vue";
import { language, setLocale } from "./i18n";

const STORED = "nameplate.appearance";
const state = reactive({ theme: "", density: "", language: "" });

export const appearance = {
  state,
  /** Reads what was chosen before, and keeps what is chosen. */
  apply(): void {
    Object.assign(state, kept());
    if (state.language) setLocale(state.language);
    state.language = language.value;
    watch(state, () => {
      const root = document.documentElement;
      setOrRemove(root, "data-theme", state.theme);
      setOrRemove(root, "data-density", state.density);
      setLocale(state.language);
      localStorage.setItem(STORED, JSON.stringify(state));
    }, { immediate: true });
  },
};

function setOrRemove(root: HTMLElement, name: string, value: string): void {
  if (value) root.setAttribute(name, value);
  else root.removeAttribute(name);
}

function kept(): Partial<typeof state> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}
