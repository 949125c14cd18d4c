// The elements: one file that any page can load.
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue({ features: { optionsAPI: false } })],
  build: {
    outDir: "../src/nameplate/web/static",
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    rolldownOptions: {
      input: "src/elements.ts",
      output: { entryFileNames: "nameplate-elements.js", codeSplitting: false },
    },
  },
});
