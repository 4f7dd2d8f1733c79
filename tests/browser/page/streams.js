// Runs in every page before its own scripts: what the browser says about the streams that it sends
// and receives, one row for each.
{
  const rowsOf = async (type, kind) => {
    const rows = [];
    for (const connection of seen.connections) {
      if (connection.connectionState === "closed") continue;
      const report = await connection.getStats();
      for (const row of report.values()) {
        if (row.type !== type || row.kind !== kind) continue;
        rows.push({ ...row, codec: report.get(row.codecId)?.mimeType.split("/")[1].toLowerCase() ?? null });
      }
    }
    return rows;
  };

  /** What was sent so far: a row for each encoding of a video, smallest first. */
  globalThis.sentVideo = async () => {
    const rows = await rowsOf("outbound-rtp", "video");
    return rows
      .filter(({ framesSent }) => framesSent > 0)
      .map((row) => ({
        at: row.timestamp,
        rid: row.rid ?? null,
        codec: row.codec,
        active: row.active,
        width: row.frameWidth ?? 0,
        height: row.frameHeight ?? 0,
        frames: row.framesSent,
        bytes: row.bytesSent + row.headerBytesSent,
        mode: row.scalabilityMode ?? null,
        limitedBy: row.qualityLimitationReason,
      }))
      .sort((a, b) => a.width - b.width);
  };

  /** What is received in the slots of `kind`, those left out in which nothing ever came. */
  globalThis.receivedIn = async (kind) => {
    const rows = await rowsOf("inbound-rtp", kind);
    return rows.filter(({ packetsReceived }) => packetsReceived > 0).map((row) => ({
      at: row.timestamp,
      mid: row.mid,
      name: seen.nameOf(seen.slots.get(row.mid)?.shortId),
      codec: row.codec,
      width: row.frameWidth ?? 0,
      height: row.frameHeight ?? 0,
      frames: row.framesReceived ?? 0,
      decoded: row.framesDecoded ?? 0,
      bytes: row.bytesReceived + row.headerBytesReceived,
      packets: row.packetsReceived,
      lost: row.packetsLost,
      nacks: row.nackCount ?? 0,
      repaired: row.retransmittedPacketsReceived ?? 0,
      plis: row.pliCount ?? 0,
      freezes: row.freezeCount ?? 0,
      frozenMs: (row.totalFreezesDuration ?? 0) * 1000,
      samples: row.totalSamplesReceived ?? 0,
      concealed: (row.concealedSamples ?? 0) - (row.silentConcealedSamples ?? 0),
    }));
  };

  /** Resolves with what `look()` gives once it is something, and with the time that it took in ms. */
  globalThis.timeUntil = async (look, { every = 50, limit = 30_000, what = String(look) } = {}) => {
    const began = performance.now();
    for (;;) {
      const found = await look();
      const ms = performance.now() - began;
      if (found) return { found, ms };
      if (ms > limit) {
        const [received, sent] = [await globalThis.receivedIn("video"), await globalThis.sentVideo()];
        const { quality, bandwidth, demand } = seen.last;
        throw new Error(`not in ${limit} ms: ${what}: ${JSON.stringify({ received, sent, quality, bandwidth, demand })}`);
      }
      await new Promise((done) => setTimeout(done, every));
    }
  };
}
