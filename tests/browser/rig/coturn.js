// A TURN server beside the node: Debian's coturn, which shares a secret with it.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const SECRET = "a secret of one test";

/** Why there is no TURN server here, or null. */
export function whyNoTurn() {
  const { error } = spawnSync("turnserver", ["--version"]);
  return error ? `a TURN server is missing: install coturn (${error.message})` : null;
}

/**
 * Starts one on `address`; `{ udp, tcp, tls, environment(...urls), stop() }`: its addresses, and what a node is
 * told so that its clients use some of them. Browsers are to take any certificate.
 */
export async function startTurn({ address = "127.0.0.1" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-coturn-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", "/CN=turn", "-addext", `subjectAltName=IP:${address}`, "-keyout", key, "-out", certificate],
  ], { stdio: "ignore" });
  const [port, tlsPort] = [await freePort(address), await freePort(address)];
  const child = spawn("turnserver", [
    ...["-n", `--listening-ip=${address}`, `--relay-ip=${address}`, "--realm=sotto", "--no-cli", "--no-dtls"],
    ...["--use-auth-secret", `--static-auth-secret=${SECRET}`, "--log-file=stdout", "--simple-log", "--allow-loopback-peers"],
    ...[`--listening-port=${port}`, `--tls-listening-port=${tlsPort}`, `--cert=${certificate}`, `--pkey=${key}`],
    ...[`--pidfile=${join(folder, "pid")}`, `--userdb=${join(folder, "db")}`],
  ], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await Promise.race([
    said(child, "Total General servers"),
    ended.then((how) => Promise.reject(new Error(`coturn ended (${how})`))),
  ]);
  return {
    udp: `turn:${address}:${port}`,
    tcp: `turn:${address}:${port}?transport=tcp`,
    tls: `turns:${address}:${tlsPort}`,
    tlsPort,
    environment: (...urls) => ({ SOTTO_TURN_URLS: urls.join(","), SOTTO_TURN_SECRET: SECRET }),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when it says that; reads on for as long as it talks, or its pipe would fill. */
function said(child, text) {
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve) => lines.on("line", (line) => line.includes(text) && resolve()));
}

function freePort(address) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, address, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
