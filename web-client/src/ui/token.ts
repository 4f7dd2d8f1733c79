import { SottoError } from "../sdk/sotto.js";

/** Where a page that embeds this one leaves a token. Never in the address: it would be logged. */
const SESSION_KEY = "sotto.token";

/** For whom a token is asked. */
export interface TokenRequest {
  room: string;
  name: string;
  /** Stays the same while the page lives, so that a reconnection replaces the lost connection. */
  identity: string;
}

/** No token was left for us, and the server hands none out: a person must paste one. */
export class TokenNeeded extends Error {}

/** A token left by an integrator, or one from the development server. */
export async function obtainToken(request: TokenRequest): Promise<string> {
  const left = sessionStorage.getItem(SESSION_KEY);
  if (left) return left;
  let reply: Response;
  try {
    reply = await fetch("/v1/dev/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
  } catch (cause) {
    throw new SottoError("unreachable", "the server cannot be reached", { cause });
  }
  if (reply.status === 404) throw new TokenNeeded();
  if (!reply.ok) {
    throw new SottoError(reply.status === 400 ? "usage" : "internal", await reply.text());
  }
  const { token } = (await reply.json()) as { token: string };
  return token;
}
