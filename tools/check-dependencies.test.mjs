// The check is itself checked: this tree passes, and each kind of violation, planted in a copy of
// it, is named.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { brokenRules } from "./check-dependencies.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
let scratch;

before(() => {
  scratch = mkdtempSync(join(tmpdir(), "sotto-rules-"));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A copy of what the check reads, changed by `plant`. */
function planted(name, plant) {
  const tree = join(scratch, name);
  const files = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.rs", "*Cargo.toml", "Cargo.lock"],
    { cwd: root, encoding: "utf8" },
  );
  for (const file of files.split("\0").filter(Boolean)) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    cpSync(join(root, file), join(tree, file));
  }
  plant((file, text) => appendFileSync(join(tree, file), text), tree);
  return brokenRules(tree);
}

function addDependency(tree, manifest, line) {
  const path = join(tree, manifest);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/^\[dependencies\]$/m, `[dependencies]\n${line}`));
}

test("this tree keeps every rule", () => {
  assert.deepEqual(brokenRules(root), []);
});

test("a core that depends on tokio, on random numbers or on the server is refused", () => {
  for (const line of ["tokio.workspace = true", "rand.workspace = true", "rtc-stun.workspace = true", "sotto-server.workspace = true"]) {
    const broken = planted(line.replaceAll(/\W/g, "-"), (_, tree) =>
      addDependency(tree, "server/core/Cargo.toml", line),
    );
    assert.equal(broken.length, 1, `${line}: ${broken}`);
    assert.match(broken[0], /^sotto-core: depends on /);
  }
});

test("an rtc crate outside the shard is refused, inside it and in tests it is at home", () => {
  const text = "\nuse rtc_srtp::context::Context;\n";
  assert.match(planted("rtc-app", (add) => add("server/src/main.rs", text))[0], /^server\/src\/main\.rs:\d+: names an rtc crate/);
  assert.deepEqual(planted("rtc-shard", (add) => add("server/src/shard/mod.rs", text)), []);
  assert.deepEqual(planted("rtc-tests", (add) => add("tests/src/lib.rs", text)), []);
});

test("axum outside the http folder is refused", () => {
  const broken = planted("axum", (add) => add("server/src/shard/mod.rs", "\nuse axum::Router;\n"));
  assert.match(broken.join(), /names axum/);
});

test("a clock, a socket, a thread or a lock in the core is refused, a comment or an address is not", () => {
  for (const code of ["let now = Instant::now();", "std::net::UdpSocket::bind(address)", "std::thread::yield_now();", "lock: std::sync::Mutex<u8>,"]) {
    const broken = planted(code.replaceAll(/\W/g, "-"), (add) => add("server/core/src/sfu.rs", `\n${code}\n`));
    assert.equal(broken.length, 1, code);
  }
  const harmless = "\n// Never Instant::now() here.\nuse std::net::SocketAddr;\n";
  assert.deepEqual(planted("harmless", (add) => add("server/core/src/sfu.rs", harmless)), []);
});

test("libopus linked twice is refused", () => {
  const second = '\n[[package]]\nname = "audiopus_sys"\nversion = "0.2.2"\n';
  assert.match(planted("opus", (add) => add("Cargo.lock", second)).join(), /libopus more than once/);
});

test("voice and face that name each other are refused, themselves and what they share are not", () => {
  const planting = (file, code) => (_, tree) => {
    mkdirSync(join(tree, dirname(file)), { recursive: true });
    writeFileSync(join(tree, file), `${code}\n`);
  };
  for (const [file, code] of [
    ["codec/src/voice/planted.rs", "use crate::face::Frame;"],
    ["codec/src/voice/planted.rs", "use crate::{entropy, face};"],
    ["codec/src/voice/planted.rs", "let basis = super::super::face::basis();"],
    ["codec/src/face/planted.rs", "use crate::{\n    voice::Frame,\n};"],
  ]) {
    const broken = planted(code.replaceAll(/\W/g, "-"), planting(file, code));
    assert.equal(broken.length, 1, `${code}: ${broken}`);
    assert.match(broken[0], /names the (voice|face) plug-in/);
  }
  for (const code of ["use super::voice::Frame;", "use crate::{entropy, media}; // not the face", "let face = surface::of(x);"]) {
    assert.deepEqual(planted(code.replaceAll(/\W/g, "-"), planting("codec/src/voice/planted.rs", code)), [], code);
  }
});
