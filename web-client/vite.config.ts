import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The meeting page. The node serves /room/{name} from the same index.html, so asset addresses
// are absolute. `npm run dev` passes the node's own addresses on to a running node.
export default defineConfig({
  plugins: [svelte()],
  base: "/",
  build: { outDir: "dist", emptyOutDir: true, target: "es2022" },
  server: {
    proxy: {
      "/v1": { target: "http://localhost:8080", ws: true },
    },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
