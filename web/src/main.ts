import { QueryClient, VueQueryPlugin } from "@tanstack/vue-query";
import { createApp, watchEffect } from "vue";
import App from "./App.vue";
import { API, ProblemError } from "./api/client";
import { api, resume } from "./api/session";
import "./design/tokens.css";
import "./design/parts.css";
import "./design/shell.css";
import { language } from "./i18n";
import { appearance } from "./appearance";
import { router } from "./router";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (count, error) => count < 3 && !(error instanceof ProblemError && !error.problem.retryable),
    },
  },
});

watchEffect(() => (document.documentElement.lang = language.value));
appearance.apply();
void resume();
createApp(App).use(router).use(VueQueryPlugin, { queryClient: queries }).provide(API, api).mount("#app");
