// Addresses of the console. Whatever is looked for is in the address, so that it can be shared.
import { createRouter, createWebHistory } from "vue-router";
import DomainPage from "./pages/DomainPage.vue";
import DomainsPage from "./pages/DomainsPage.vue";

export const router = createRouter({
  history: createWebHistory("/"),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  routes: [
    { path: "/", redirect: "/domains" },
    { path: "/domains", name: "domains", component: DomainsPage },
    { path: "/domains/:name/:tab?", name: "domain", component: DomainPage, props: true },
    { path: "/certificates", name: "certificates", component: () => import("./pages/CertificatesPage.vue") },
    { path: "/bindings", name: "bindings", component: () => import("./pages/BindingsPage.vue") },
    { path: "/registrations", name: "registrations", component: () => import("./pages/RegistrationsPage.vue") },
    { path: "/applications", name: "applications", component: () => import("./pages/ApplicationsPage.vue") },
    { path: "/servers", name: "servers", component: () => import("./pages/ServersPage.vue") },
    { path: "/accounts", name: "accounts", component: () => import("./pages/AccountsPage.vue") },
    { path: "/tokens", name: "tokens", component: () => import("./pages/TokensPage.vue") },
    { path: "/events", name: "events", component: () => import("./pages/EventsPage.vue") },
    { path: "/:rest(.*)*", name: "lost", component: () => import("./pages/LostPage.vue") },
  ],
});

// After an upgrade the parts of the page that a tab has not loaded yet are gone: the tab loads the new page.
router.onError((error: unknown, to, from) => {
  const isGone = error instanceof TypeError && /import|module/i.test(error.message);
  if (isGone && from.matched.length > 0) location.assign(to.fullPath);
});
