import { defineConfig } from "vite";

// The client library as one ES module, served by the node at /sdk/sotto.js.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "dist/sdk",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: true,
    lib: { entry: "src/sdk/sotto.ts", formats: ["es"], fileName: () => "sotto.js" },
  },
});
