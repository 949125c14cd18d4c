// Addresses of the console. Whatever is looked for is in the address, so that it can be shared.
import type { Component } from "vue";
import { createRouter, createWebHistory } from "vue-router";
import DomainPage from "./pages/DomainPage.vue";
import DomainsPage from "./pages/DomainsPage.vue";

/** A page of administration, which comes with its sentences. */
function administration(page: () => Promise<{ default: Component }>): () => Promise<Component> {
  return async () => (await Promise.all([page(), import("./i18n/administration")]))[0].default;
}

export const router = createRouter({
  history: createWebHistory("/"),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  routes: [
    { path: "/", redirect: "/domains" },
    { path: "/domains", name: "domains", component: DomainsPage },
    { path: "/domains/:name/:tab?", name: "domain", component: DomainPage, props: true },
    { path: "/certificates", name: "certificates", component: administration(() => import("./pages/CertificatesPage.vue")) },
    { path: "/bindings", name: "bindings", component: () => import("./pages/BindingsPage.vue") },
    { path: "/registrations", name: "registrations", component: administration(() => import("./pages/RegistrationsPage.vue")) },
    { path: "/applications", name: "applications", component: administration(() => import("./pages/ApplicationsPage.vue")) },
    { path: "/servers", name: "servers", component: administration(() => import("./pages/ServersPage.vue")) },
    { path: "/accounts", name: "accounts", component: administration(() => import("./pages/AccountsPage.vue")) },
    { path: "/tokens", name: "tokens", component: administration(() => import("./pages/TokensPage.vue")) },
    { path: "/events", name: "events", component: administration(() => import("./pages/EventsPage.vue")) },
    { path: "/members", name: "members", component: administration(() => import("./pages/MembersPage.vue")) },
    { path: "/organizations", name: "organizations", component: administration(() => import("./pages/OrganizationsPage.vue")) },
    { path: "/settings", name: "configuration", component: administration(() => import("./pages/SettingsPage.vue")) },
    { path: "/me", name: "person", component: administration(() => import("./pages/PersonPage.vue")) },
    { path: "/:rest(.*)*", name: "lost", component: () => import("./pages/LostPage.vue") },
  ],
});

// After an upgrade the parts of the page that a tab has not loaded yet are gone: the tab loads the new page.
router.onError((error: unknown, to, from) => {
  const isGone = error instanceof TypeError && /import|module/i.test(error.message);
  if (isGone && from.matched.length > 0) location.assign(to.fullPath);
});
