// The console: a single-page application in src/nameplate/web/static, served at `/`.
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue({ features: { optionsAPI: false } })],
  build: {
    outDir: "../src/nameplate/web/static",
    emptyOutDir: true,
    manifest: true,
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8000" } },
});
