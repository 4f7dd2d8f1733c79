// Faces are drawn by a graphics processor as they are by the codec. Here it is one in software, which
// draws what shaders say as others do, and slowly.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { launch } from "../rig/chromium.js";
import { report } from "../rig/figures.js";
import { goldenFace } from "../rig/golden.js";
import { serveSource } from "../rig/source.js";

/** Nobody is there: everything is answered by the rig. */
const ORIGIN = "http://localhost:1";
const CODEC = readFileSync(new URL("../sotto-codec-test.wasm", import.meta.url));
const SCRIPT = readFileSync(new URL("../page/drawing.js", import.meta.url), "utf8");
const SIZES = [[192, 160], [384, 320], [277, 231], [96, 80], [41, 67]];
/** Furthest mean difference of a picture, of 255 … */
const MEAN = 0.05;
/** … and of any byte: a level of luma that is rounded otherwise is 1.2 of a colour, one of chroma 2. */
const MOST = 4;

const face = goldenFace();
let browser, page;
before(async () => {
  browser = await launch({ flags: ["--enable-unsafe-swiftshader", "--use-angle=swiftshader"] });
  await serveSource(browser.context, ORIGIN);
  await browser.context.route(`${ORIGIN}/codec.wasm`, (route) => route.fulfill({ contentType: "application/wasm", body: CODEC }));
  page = await browser.open(`${ORIGIN}/drawing`, { html: "<!doctype html><title>drawing</title>", scripts: [SCRIPT] });
});
after(() => browser?.close());

test("golden frames look the same from a graphics processor, at every size", { timeout: 60_000 }, async () => {
  const found = await page.evaluate(([parts, sizes]) => compareDrawers(parts, sizes), [face, SIZES]);
  report("f-drawing-differences", found);
  assert.ok(found.patches > 24, "frames have regions of other pictures");
  assert.ok(found.bytes > 0 && found.bytes <= 8 << 20, `${found.bytes} bytes of textures`);
  assert.equal(found.after, 0, "textures go with their decoder");
  for (const [size, { mean, most }] of Object.entries(found.sizes)) {
    assert.ok(mean <= MEAN, `${size}: ${mean} on average`);
    assert.ok(most <= MOST, `${size}: ${most} somewhere`);
  }
});

for (const [when, inTheMiddle] of [["between frames", false], ["in the middle of one", true]]) {
  test(`a graphics processor that is lost ${when} is made up for by the codec`, { timeout: 60_000 }, async () => {
    const { ways, losses, most } = await page.evaluate(([parts, middle]) => paintThroughLoss(parts, middle), [face, inTheMiddle]);
    const first = ways.indexOf("gl");
    const lost = ways.indexOf("codec", first);
    assert.deepEqual([first, lost], [4, 24], ways.join(" "));
    assert.ok(!ways.includes("gl", lost), "it is left alone for some time");
    assert.equal(losses, 1);
    assert.ok(most <= MOST, `${most} somewhere`);
  });
}

test("who draws is measured on the first frames", { timeout: 60_000 }, async () => {
  const found = await page.evaluate(([parts, size]) => chooseWay(parts, size), [face, [384, 320]]);
  report("f-drawing-choice", found);
  assert.ok(["gl", "codec"].includes(found.choice));
  assert.equal(found.last, found.choice);
});

test("sources of a face have no more memory than a tile may take", async () => {
  const side = 512;
  const most = await page.evaluate(([count, side]) => drawManySources(count, side), [40, side]);
  assert.ok(most > 7 << 20 && most <= 8 << 20, `${most} bytes`);
});
