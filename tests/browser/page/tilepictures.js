// Runs in pages before their own scripts: what a face in model form looks like on the page, picture by
// picture.
{
  const now = () => performance.timeOrigin + performance.now();
  /** Every so many bytes are compared to tell a picture from the one before. */
  const STRIDE = 404;

  const covering = () =>
    [...document.querySelectorAll("[data-testid=tile] canvas")].find((canvas) => getComputedStyle(canvas).visibility === "visible");

  /** The size at which a face is drawn; `null`: none is. */
  globalThis.drawnSize = () => {
    const canvas = covering();
    return canvas ? [canvas.width, canvas.height] : null;
  };

  /**
   * Keeps each new picture of a face in model form for `ms`: `{ width, height, times, luma }`, times in
   * ms since 1970, luma (BT.601, 16 to 235) of one picture after the other in base64.
   */
  globalThis.keepPictures = async (ms) => {
    const end = now() + ms;
    const pictures = [];
    const own = document.createElement("canvas");
    const context = own.getContext("2d", { willReadFrequently: true, alpha: false });
    let before = null;
    while (now() < end) {
      await new Promise((done) => requestAnimationFrame(done));
      const canvas = covering();
      if (!canvas) continue;
      if (own.width !== canvas.width || own.height !== canvas.height) {
        Object.assign(own, { width: canvas.width, height: canvas.height });
        pictures.length = 0;
        before = null;
      }
      const at = now();
      context.drawImage(canvas, 0, 0);
      const { data } = context.getImageData(0, 0, own.width, own.height);
      if (before && !isAnother(before, data)) continue;
      before = data;
      pictures.push({ at, luma: lumaOf(data) });
    }
    const bytes = new Uint8Array(pictures.length * own.width * own.height);
    pictures.forEach(({ luma }, index) => bytes.set(luma, index * luma.length));
    return { width: own.width, height: own.height, times: pictures.map(({ at }) => at), luma: await text(bytes) };
  };

  function isAnother(before, data) {
    for (let at = 0; at < data.length; at += STRIDE) if (data[at] !== before[at]) return true;
    return false;
  }

  function lumaOf(data) {
    const luma = new Uint8Array(data.length / 4);
    for (let at = 0; at < luma.length; at += 1) {
      luma[at] = 16.5 + (65.738 * data[4 * at] + 129.057 * data[4 * at + 1] + 25.064 * data[4 * at + 2]) / 256;
    }
    return luma;
  }

  function text(bytes) {
    return new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result.split(",")[1]);
      reader.readAsDataURL(new Blob([bytes]));
    });
  }
}
