// The npm packages: `--mode` says which of packages/ is built. What it depends on stays outside.
import { readFileSync } from "node:fs";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig(({ mode }) => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(`packages/${mode}/package.json`, "utf8"));
  const outside = Object.keys({ ...dependencies, ...peerDependencies });
  return {
    plugins: [vue({ features: { optionsAPI: false } })],
    build: {
      outDir: `dist/${mode}`,
      target: "es2022",
      minify: false, // the host's own build does it
      lib: { entry: `packages/${mode}/index.ts`, formats: ["es"], fileName: "index" },
      rolldownOptions: { external: (id) => outside.some((one) => id === one || id.startsWith(`${one}/`)) },
    },
  };
});
