// Makes the TypeScript types of the signalling messages from the schema that the node prints
// (docs/signalling.schema.json). `--write` renews src/sdk/signal.types.ts; without it, the text goes
// to stdout.
import { readFile, writeFile } from "node:fs/promises";
import { compile } from "json-schema-to-typescript";

const SCHEMA = new URL("../../docs/signalling.schema.json", import.meta.url);
const TYPES = new URL("../src/sdk/signal.types.ts", import.meta.url);

/** The text of src/sdk/signal.types.ts for the schema as it is now. */
export async function signalTypes() {
  const { $defs } = JSON.parse(await readFile(SCHEMA, "utf8"));
  const schema = {
    type: "object",
    properties: {
      client: { $ref: "#/$defs/ClientMessage" },
      server: { $ref: "#/$defs/ServerMessage" },
    },
    required: ["client", "server"],
    additionalProperties: false,
    $defs: open($defs),
  };
  return compile(schema, "SignalMessages", {
    additionalProperties: false,
    bannerComment:
      "// @generated from docs/signalling.schema.json by `npm run types`. Do not edit.\n",
    style: { printWidth: 100 },
  });
}

/** The schema in the terms of the generator, which follows a `$ref` only where it stands alone. */
function open(node) {
  if (Array.isArray(node)) return node.map(open);
  if (typeof node !== "object" || node === null) return node;
  const { $ref, ...rest } = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, open(value)]),
  );
  if ($ref === undefined) return named(rest);
  return rest.properties ? { allOf: [{ $ref }, rest] } : { $ref };
}

/** A choice between constants as an enumeration. */
function named(node) {
  if (!node.oneOf?.every((choice) => "const" in choice)) return node;
  const { oneOf, ...rest } = node;
  return { ...rest, type: "string", enum: oneOf.map((choice) => choice.const) };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const text = await signalTypes();
  if (process.argv.includes("--write")) await writeFile(TYPES, text);
  else process.stdout.write(text);
}
