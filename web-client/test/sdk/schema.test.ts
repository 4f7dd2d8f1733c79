import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { formatClientMessage, parseServerMessage } from "../../src/sdk/signal.js";
import type { ClientMessage, ServerMessage } from "../../src/sdk/signal.js";
import { signalTypes } from "../../tools/signal-types.mjs";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const schema = JSON.parse(read("../../../docs/signalling.schema.json"));
const examples: { client: ClientMessage[]; server: ServerMessage[] } = JSON.parse(
  read("../../../docs/signalling.examples.json"),
);

describe("the types of the messages", () => {
  test("are those that the schema gives: renew them with `npm run types`", async () => {
    expect(read("../../src/sdk/signal.types.ts")).toBe(await signalTypes());
  });

  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(schema, "signalling");

  test.each(examples.client.map((message) => [message.type, message] as const))(
    "the client's example of %s fits the schema and is written as it is",
    (_, message) => {
      expect(ajv.validate("signalling#/$defs/ClientMessage", message), ajv.errorsText()).toBe(true);
      expect(JSON.parse(formatClientMessage(message))).toEqual(message);
    },
  );

  test.each(examples.server.map((message) => [message.type, message] as const))(
    "the node's example of %s fits the schema and is read",
    (_, message) => {
      expect(ajv.validate("signalling#/$defs/ServerMessage", message), ajv.errorsText()).toBe(true);
      expect(parseServerMessage(JSON.stringify(message))).toEqual(message);
    },
  );
});
