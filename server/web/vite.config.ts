import { resolve } from "node:path";
import { defineConfig } from "vite";

// In development: HOOKE_HTTP=http://127.0.0.1:7071 npm run dev.
const server = process.env.HOOKE_HTTP ?? "http://127.0.0.1:7071";

export default defineConfig({
  // The app may be served below any path.
  base: "./",
  resolve: { alias: { "@presets": resolve(process.env.HOOKE_PRESETS ?? "../../client/sdk/presets") } },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    target: "es2022",
    // The server's Content-Security-Policy allows files only: nothing inline, no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
  },
  server: { fs: { allow: ["../.."] }, proxy: { "^/hooke\\.v1\\.": { target: server, headers: { origin: server }, changeOrigin: true } } },
});
