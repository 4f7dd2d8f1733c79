import { defineConfig } from "vite";

// The client library as one ES module, served by the node at /sdk/sotto.js.
export default defineConfig({
  publicDir: false,
  // Addresses of worklets are beside the module, wherever that is served from.
  base: "./",
  build: {
    outDir: "dist/sdk",
    // Emptied by the build of the page, which has left sotto-codec.wasm here.
    emptyOutDir: false,
    target: "es2022",
    sourcemap: true,
    lib: { entry: "src/sdk/sotto.ts", formats: ["es"], fileName: () => "sotto.js" },
  },
});
