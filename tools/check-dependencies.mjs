// Which part of Sotto may name which crate: the rules that keep decisions free of I/O and the
// networking crates in one place. Run without arguments on this checkout, or with the path of
// another tree; prints what breaks a rule and exits with 1.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Crates of the workspace, and on which other ones of it each may depend. */
const LAYERS = {
  "sotto-frame": [],
  "sotto-codec": ["sotto-frame"],
  "sotto-wasm": ["sotto-frame", "sotto-codec"],
  "sotto-core": ["sotto-frame"],
  "sotto-server": ["sotto-frame", "sotto-codec", "sotto-core"],
  "sotto-tests": ["sotto-frame", "sotto-codec", "sotto-core", "sotto-server"],
  "sotto-lab": ["sotto-frame", "sotto-codec", "sotto-core", "sotto-tests"],
  "sotto-load": ["sotto-frame", "sotto-codec", "sotto-core", "sotto-server", "sotto-tests"],
};

/** Dependencies that a sans-IO crate cannot have. */
const IMPURE = /^(rtc(-.*)?|webrtc.*|tokio(-.*)?|axum.*|hyper.*|mio|socket2|libc|ring|rand(_.*)?|getrandom|fastrand)$/;
const PURE_CRATES = ["sotto-frame", "sotto-codec", "sotto-core"];

/** What a rule forbids in source text, and where it is at home. */
const SOURCE_RULES = [
  {
    what: "an rtc crate",
    pattern: /\brtc(_(crypto|datachannel|dtls|ice|interceptor|mdns|media|rtcp|rtp|sctp|sdp|shared|srtp|stun|turn))?::/,
    home: ["server/src/shard/", "tests/"],
  },
  {
    what: "axum or tower-http",
    pattern: /\b(axum|tower_http)::/,
    home: ["server/src/http/", "tests/"],
  },
  {
    what: "a clock, socket, thread, lock or random source",
    pattern:
      /\b(Instant::now|SystemTime|std::thread|thread::(spawn|sleep)|UdpSocket|TcpStream|TcpListener|Mutex|RwLock|Condvar|mpsc|std::fs|std::env|RandomState|Uuid::new_v4)\b/,
    only: ["server/core/src/", "codec/src/", "codec/frame/src/"],
  },
  // One plug-in can be changed, replaced or left out without a look at the other.
  { what: "the face plug-in", pattern: naming("face"), only: ["codec/src/voice/"] },
  { what: "the voice plug-in", pattern: naming("voice"), only: ["codec/src/face/"] },
];

/** A path through a module of that name, or to it. */
function naming(module) {
  return new RegExp(`\\b${module}::|\\b(crate|super)::(\\{.*\\b)?${module}\\b`);
}

/** libopus stands in the lock file under one of these names. */
const OPUS_SYS = /^(audiopus_sys|opus(ic)?[-_]sys|libopus[-_]sys|magnum-opus|unsafe-libopus)$/;

/** Every broken rule of the tree at `root`, as one line of text each. */
export function brokenRules(root) {
  return [...brokenLayers(root), ...brokenSources(root), ...brokenLock(root)];
}

function brokenLayers(root) {
  const metadata = JSON.parse(
    execFileSync("cargo", ["metadata", "--format-version=1", "--no-deps", "--offline"], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 << 20,
    }),
  );
  const broken = [];
  for (const crate of metadata.packages) {
    const allowed = LAYERS[crate.name];
    if (!allowed) {
      broken.push(`${crate.name}: a crate without a place in tools/check-dependencies.mjs`);
      continue;
    }
    for (const { name, kind } of crate.dependencies) {
      if (name in LAYERS && name !== crate.name && !allowed.includes(name)) {
        broken.push(`${crate.name}: depends on ${name}, the wrong way`);
      }
      if (PURE_CRATES.includes(crate.name) && kind !== "dev" && IMPURE.test(name)) {
        broken.push(`${crate.name}: depends on ${name}, but has no clock, socket or random source`);
      }
    }
  }
  return broken;
}

function brokenSources(root) {
  const broken = [];
  for (const file of rustFiles(root)) {
    const path = relative(root, file).split(sep).join("/");
    const rules = SOURCE_RULES.filter(({ home, only }) =>
      only ? startsWithAny(path, only) : !startsWithAny(path, home),
    );
    if (rules.length === 0) continue;
    for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
      const code = line.replace(/\/\/.*$/, "");
      for (const { what, pattern } of rules) {
        if (pattern.test(code)) broken.push(`${path}:${index + 1}: names ${what}: ${line.trim()}`);
      }
    }
  }
  return broken;
}

function brokenLock(root) {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const names = [...lock.matchAll(/^name = "(.+)"$/gm)].map((match) => match[1]);
  const opus = names.filter((name) => OPUS_SYS.test(name));
  return opus.length <= 1 ? [] : [`Cargo.lock: libopus more than once: ${opus.join(", ")}`];
}

function rustFiles(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      return /^(target|node_modules|dist|\..*)$/.test(entry.name) ? [] : rustFiles(path);
    }
    return entry.name.endsWith(".rs") ? [path] : [];
  });
}

function startsWithAny(path, prefixes) {
  return prefixes.some((prefix) => path.startsWith(prefix));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url));
  const broken = brokenRules(root);
  for (const line of broken) console.error(line);
  process.exitCode = broken.length === 0 ? 0 : 1;
}
