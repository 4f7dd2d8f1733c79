// Runs in a page before its own scripts: faces that are drawn by the codec and by the graphics processor.
{
  const FACE = 9;

  const modules = async () => {
    const [{ Codec }, { GlDrawer }, { Painter }, { Trial }] = await Promise.all(
      ["codec", "drawing/gldrawer", "drawing/painter", "drawing/trial"].map((name) => import(`/source/models/${name}.js`)),
    );
    return { Codec, GlDrawer, Painter, Trial };
  };

  /** A decoder of the model of the golden face, and those payloads. */
  const golden = async (parts) => {
    const { Codec } = await modules();
    const codec = await Codec.load(await (await fetch("/codec.wasm")).arrayBuffer());
    const [body, ...payloads] = parts.map((part) => Uint8Array.from(part));
    const { bytes } = codec.writeContainer({ plugin: FACE, epoch: 1, createdAt: 0, body });
    const model = codec.createModel(bytes);
    return { decoder: model.createPictureDecoder(), payloads };
  };

  const drawerThatIsReady = async () => {
    const { GlDrawer } = await modules();
    const drawer = new GlDrawer();
    while (!drawer.ready) await new Promise((done) => setTimeout(done, 5));
    return drawer;
  };

  const differences = (a, b) => {
    let [sum, most] = [0, 0];
    for (let at = 0; at < a.length; at += 1) {
      const off = Math.abs(a[at] - b[at]);
      sum += off;
      if (off > most) most = off;
    }
    return { mean: sum / a.length, most };
  };

  /** How far every golden frame is from itself at each size, and what is held for that. */
  globalThis.compareDrawers = async (parts, sizes) => {
    const [{ decoder, payloads }, drawer] = await Promise.all([golden(parts), drawerThatIsReady()]);
    const found = new Map();
    let [patches, bytes] = [0, 0];
    for (const payload of payloads) {
      decoder.decode(payload).forEach((_, frame) => {
        patches += decoder.scene(frame, 1).patches.length;
        for (const [width, height] of sizes) {
          drawer.draw(decoder, frame, width, height);
          const own = drawer.pixels(width, height);
          const { mean, most } = differences(own, decoder.draw(frame, width, height));
          const key = `${width} x ${height}`;
          const before = found.get(key) ?? { mean: 0, most: 0 };
          found.set(key, { mean: Math.max(mean, before.mean), most: Math.max(most, before.most) });
        }
      });
      bytes = Math.max(bytes, drawer.bytesOf(decoder));
    }
    drawer.forget(decoder);
    const after = drawer.bytesOf(decoder);
    drawer.close();
    return { sizes: Object.fromEntries(found), patches, bytes, after };
  };

  /** A painter of its own, with what it draws on, and the trials that it makes. */
  const painterOfItsOwn = async (lost = () => undefined) => {
    const [{ Painter, Trial }, drawer] = await Promise.all([modules(), drawerThatIsReady()]);
    const trials = [];
    const painter = new Painter(lost, () => drawer, undefined, () => {
      trials.push(new Trial());
      return trials.at(-1);
    });
    return { painter, drawer, trials };
  };

  /** A canvas that tells its pixels. */
  const surface = (width, height) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    return { canvas, context, pixels: () => context.getImageData(0, 0, width, height).data };
  };

  /**
   * Paints all golden frames into two canvases, and half way takes the graphics processor away, before
   * a frame or in the middle of one: who painted, how often that was told, how far off pictures were.
   */
  globalThis.paintThroughLoss = async (parts, inTheMiddle) => {
    const { decoder, payloads } = await golden(parts);
    let losses = 0;
    const { painter, drawer, trials } = await painterOfItsOwn(() => (losses += 1));
    const surfaces = [surface(192, 160), surface(96, 80)];
    const ways = [];
    let most = 0;
    payloads.forEach((payload, at) => {
      if (at === 1) for (const trial of trials) trial.choice = "gl";
      if (at === payloads.length >> 1) {
        if (inTheMiddle) drawer.draw = () => drawer.close() ?? true;
        else drawer.close();
      }
      decoder.decode(payload).forEach((_, frame) => {
        for (const own of surfaces) {
          ways.push(painter.paint(decoder, frame, own));
          const { width, height } = own.canvas;
          most = Math.max(most, differences(own.pixels(), decoder.draw(frame, width, height)).most);
        }
      });
    });
    return { ways, losses, most };
  };

  /** What a painter finds on golden frames at a size: who paints, and what each takes, ns a pixel. */
  globalThis.chooseWay = async (parts, [width, height]) => {
    const { decoder, payloads } = await golden(parts);
    const { painter, trials } = await painterOfItsOwn();
    const own = surface(width, height);
    const ways = payloads.flatMap((payload) => decoder.decode(payload).map((_, frame) => painter.paint(decoder, frame, own)));
    const ns = (ms) => Math.round((1e7 * ms) / (width * height)) / 10;
    const [{ choice, medians }] = trials;
    return { last: ways.at(-1), choice, codecNs: ns(medians.codec), glNs: ns(medians.gl) };
  };

  /** Draws scenes of more sources than there is memory for: most bytes of textures that were held. */
  globalThis.drawManySources = async (count, side) => {
    const drawer = await drawerThatIsReady();
    const chroma = new Uint8Array(side * side / 2);
    const decoder = {
      scene: (frame) => ({ width: side, height: side, level: 0, source: frame, columns: 2, rows: 2, motion: new Float32Array(8), patches: [] }),
      source: (source) => ({ width: side, height: side, luma: new Uint8Array(side * side).fill(source), chromaWidth: side / 2, chromaHeight: side / 2, chroma }),
    };
    let most = 0;
    for (let source = 0; source < count; source += 1) {
      drawer.draw(decoder, source, 16, 16);
      most = Math.max(most, drawer.bytesOf(decoder));
    }
    drawer.close();
    return most;
  };
}
