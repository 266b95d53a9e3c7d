/*
 * The command line as a few files that load fast. Node takes half a millisecond for each module, and ten more to
 * get its loader of ES modules going, which a program that often runs for less than a tenth of a second cannot
 * afford: hence CommonJS, which dist/cli/package.json says. The library in dist/ is tsc's, ES modules.
 */
import { readFileSync } from "node:fs";
import { defineConfig } from "rolldown";

const companions = {
  name: "companions",
  generateBundle() {
    const file = (fileName, source) => this.emitFile({ type: "asset", fileName, source });
    file("package.json", '{ "type": "commonjs" }\n');
    // It is part of the bundle, and its licence asks to be, too.
    file("commander.LICENSE", readFileSync(new URL("node_modules/commander/LICENSE", import.meta.url)));
  },
};

/** commander starts verbs that are programs of their own. There are none, and what it takes costs five milliseconds. */
const withoutPrograms = {
  name: "without-programs",
  resolveId: (id, importer) =>
    id === "node:child_process" && importer?.includes("/node_modules/commander/") ? "\0nothing" : null,
  load: (id) => (id === "\0nothing" ? "export default {};" : null),
};

export default defineConfig({
  input: { main: "src/cli/main.ts", worker: "src/cli/worker.ts" },
  platform: "node",
  // These stay packages of their own: few runs need them.
  external: ["fzstd", "pcap-parser", "prom-client", "terminal-kit", "xxhash-wasm"],
  plugins: [companions, withoutPrograms],
  // Of the modules that an index lists only those that are used: what the others import would be loaded, too.
  treeshake: { moduleSideEffects: false },
  output: {
    dir: "dist/cli",
    format: "cjs",
    chunkFileNames: "[name]-[hash].js",
    minify: true,
    // Modules that are loaded together, and what they import, in one file. Whatever is done for each packet must
    // be: what comes from another file is looked up at each use.
    codeSplitting: {
      groups: [
        {
          name: "start",
          test: /[\\/]src[\\/](text|cli[\\/](stdout|stderr|fault|version))|rolldown[\\/]runtime/,
          priority: 2,
        },
        { name: "text", test: /[\\/]src[\\/]output[\\/](time|names|json|port-words)\.ts/, priority: 1 },
        { name: "packets", test: /[\\/]src[\\/](wire|frame|analysis|capture[\\/]open)/, priority: 1 },
        { name: "lines", test: /[\\/]src[\\/]output[\\/]decode-/ },
        { name: "verbs", test: /[\\/]src[\\/]cli[\\/](run|read|selection|sum-sink|filter-values)/ },
        { name: "southbound", test: /[\\/]src[\\/]southbound[\\/]open/ },
      ],
    },
  },
});
