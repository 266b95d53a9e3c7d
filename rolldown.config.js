/*
 * The command line as a few files instead of sixty: Node spends half a millisecond on each module, which a
 * program that often runs for less than a tenth of a second cannot afford. The library in dist/ is tsc's.
 */
import { defineConfig } from "rolldown";

export default defineConfig({
  input: { main: "src/cli/main.ts" },
  platform: "node",
  // Dependencies stay packages of their own.
  external: [/^[^./]/],
  output: { dir: "dist/cli", format: "esm", chunkFileNames: "[name]-[hash].js" },
});
