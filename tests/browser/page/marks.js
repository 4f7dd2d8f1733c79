// What native participants write into payloads of the test plug-ins (tests/src/client/models/mark.rs):
// whose each is, which number it has, when it was sent. Runs in pages, and in tests of itself.
{
  /** The plug-ins in place of a voice and a face. */
  const TONE = 7;
  const BAR = 15;

  /**
   * `{ participant, counter, sent, wrap }`: `sent` is in ms, modulo `wrap`. `null` where a byte is not
   * as it was sent, or the plug-in or the epoch (low bits) is another one.
   */
  globalThis.readMark = (plugin, epoch, payload) => {
    const words = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const at = (offset) => words.getUint16(offset);
    if (plugin === TONE && payload.length === 10) {
      const mark = { participant: at(6), counter: at(0), sent: at(4), wrap: 65_536 };
      return checkOf(plugin, epoch, at(2), mark) === at(8) ? mark : null;
    }
    const frames = plugin === BAR && payload.length === 12 && payload[2] === 0 && payload[7] === 40;
    if (!frames) return null;
    const mark = { participant: at(5), counter: at(3), sent: at(10), wrap: 1000 };
    return checkOf(plugin, epoch, at(0), mark) === at(8) ? mark : null;
  };

  function checkOf(plugin, epoch, tag, { participant, counter, sent }) {
    let hash = 0x811c9dc5;
    for (const word of [plugin, epoch, tag, participant, counter, sent]) {
      for (const byte of [word >> 8, word & 255]) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    }
    return ((hash >>> 16) ^ hash) & 0xffff;
  }
}
