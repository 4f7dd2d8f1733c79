// What bundles bring, block by block: payloads of the test plug-ins say of whose model they are, and
// which number they have.
{
  const BAR = 15;

  /** Resolves when that many faces are played from models; how long that took, ms. */
  globalThis.facesInModelForm = async (count, limit) => {
    const begin = performance.now();
    for (;;) {
      const faces = room.models.forms.filter(({ source, form }) => source === "camera" && form === "model");
      if (faces.length >= count) return performance.now() - begin;
      if (performance.now() - begin > limit) {
        const states = room.models.forms.map(({ source, form, wanted, reason }) => [source, form, wanted, reason].join(" "));
        throw new Error(`${faces.length} of ${count} faces: ${[...new Set(states)].join(", ")} ${JSON.stringify(room.models.counts)}`);
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  };

  /** Watches bundles for so long. Lateness: from the end of a block's media, on one machine, ms. */
  globalThis.readBundles = async (duration) => {
    const blocks = [];
    const before = { ...room.models.counts };
    room.models.tap((block) => blocks.push(block));
    await new Promise((done) => setTimeout(done, duration));
    room.models.tap(null);
    const streams = new Map();
    for (const { participant, plugin, payload, media, at } of blocks) {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      const tag = view.getUint16(plugin === BAR ? 0 : 2);
      // The number of a bar's first frame; it has two.
      const counter = plugin === BAR ? view.getUint16(3) / 2 : view.getUint16(0);
      const key = `${participant} ${plugin}`;
      const stream = streams.get(key) ?? { participant, plugin, tags: new Set(), counters: [], media: [] };
      stream.tags.add(tag);
      stream.counters.push(counter);
      stream.media.push(media);
      streams.set(key, stream);
      // Media time: ms since 1970, modulo 2^32 and, before the node told more, 2^16.
      const sent = (at - media - 80) % 0x1_0000;
      stream.late = [...(stream.late ?? []), sent > 0x8000 ? sent - 0x1_0000 : sent];
    }
    const all = [...streams.values()];
    const owners = new Map();
    for (const { participant, plugin, tags } of all) {
      for (const tag of tags) owners.set(`${plugin} ${tag}`, new Set([...(owners.get(`${plugin} ${tag}`) ?? []), participant]));
    }
    const mixed = all.filter(({ tags }) => tags.size > 1).length + [...owners.values()].filter((set) => set.size > 1).length;
    // Voices come and go with who is heard: only gaps within a few numbers are losses.
    const lost = all.reduce((sum, { counters }) => {
      const sorted = [...counters].sort((a, b) => a - b);
      return sum + sorted.slice(1).reduce((gaps, counter, at) => gaps + (counter - sorted[at] < 6 ? counter - sorted[at] - 1 : 0), 0);
    }, 0);
    const after = room.models.counts;
    return {
      transport: room.models.transport,
      blocks: blocks.length,
      faces: all.filter(({ plugin }) => plugin === BAR).length,
      voices: all.filter(({ plugin }) => plugin !== BAR).length,
      bundles: after.bundles - (before.bundles ?? 0),
      broken: after.broken,
      repeats: after.repeats - (before.repeats ?? 0),
      refused: after.refused,
      misattributed: mixed,
      lost,
      lateness: all.flatMap(({ late }) => late),
    };
  };
}
