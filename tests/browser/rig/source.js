// Modules of the client library one by one, as they are written: for tests of what it does not export.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { root } from "./paths.js";

const web = join(root, "web-client");
const typescript = createRequire(join(web, "package.json"))("typescript");

/** Where `models/codec.ts` is `/source/models/codec.js`. */
const SOURCE = "/source/";

/** Serves them to the pages of a browser context at an origin, without their types. */
export function serveSource(context, origin) {
  return context.route(`${origin}${SOURCE}**`, (route) => {
    const path = new URL(route.request().url()).pathname.slice(SOURCE.length).replace(/\.js$/, ".ts");
    const text = readFileSync(join(web, "src/sdk", path), "utf8");
    const compilerOptions = { target: "ES2022", module: "ESNext", verbatimModuleSyntax: true };
    const { outputText } = typescript.transpileModule(text, { compilerOptions });
    return route.fulfill({ contentType: "text/javascript", body: outputText });
  });
}
