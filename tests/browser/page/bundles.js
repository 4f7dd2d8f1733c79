// Runs in pages before their own scripts: every block of the model stream as the library's worker
// found it in a bundle, and what its payload says of itself.
{
  const PICTURES = 8;

  /**
   * Watches the bundles of `room` until `stop()`, which tells
   *   { rows: [{ participant, plugin, media, at, mark }], counts, transport }
   * of the blocks that came for the first time: under whose number, of which media time, when (ms
   * since 1970, in the worker), and what they say (page/marks.js). `counts`: of the library, until then.
   */
  globalThis.watchBundles = (room) => {
    const rows = [];
    let arrived = () => undefined;
    room.models.tap(({ participant, plugin, epoch, media, at, payload }) => {
      rows.push({ participant, plugin, media, at, mark: readMark(plugin, epoch, payload) });
      arrived();
    });
    const has = (blocks, faces, voices) => {
      const [seen, heard] = [new Map(), new Set()];
      for (const { participant, plugin } of rows) {
        if (plugin >= PICTURES) seen.set(participant, (seen.get(participant) ?? 0) + 1);
        else heard.add(participant);
      }
      return [...seen.values()].filter((count) => count >= blocks).length >= faces && heard.size >= voices;
    };
    return {
      /** Resolves when so many blocks have come of each of so many faces, and any of so many voices. */
      until({ blocks, faces, voices, limit }) {
        return new Promise((resolve, reject) => {
          const late = setTimeout(() => {
            const forms = room.models.forms.map(({ shortId, source, form, wanted, reason }) => [shortId, source, form, wanted, reason]);
            reject(new Error(`not ${blocks} blocks of ${faces} faces and ${voices} voices: ${JSON.stringify(forms)}`));
          }, limit);
          arrived = () => {
            if (!has(blocks, faces, voices)) return;
            clearTimeout(late);
            arrived = () => undefined;
            resolve();
          };
          arrived();
        });
      },
      stop() {
        room.models.tap(null);
        const { counts, transport } = room.models;
        return { rows, counts: { ...counts }, transport };
      },
    };
  };
}
