// Runs in every page before its own scripts: how many video frames the browser sent, received and
// decoded, as counted by its own network and decoder threads. A page that gets no time to present
// frames still counts them.
{
  const EVERY_MS = 100;

  /**
   * Asks all connections ten times a second. `stop()` tells what was counted since the start:
   *   { sent: [{ at, frames }], received: { name: [{ at, frames, decoded, last }] } }
   * with `at` and `last` (when the last packet came) in milliseconds since 1970, on the clock that
   * all processes of a machine share. Of the layers of one picture, the one with most frames counts.
   */
  globalThis.watchArrivals = () => {
    const sent = [];
    const received = {};
    const layers = new Map();
    let watching = true;
    const look = async () => {
      const reports = await Promise.all(seen.connections.map((connection) => connection.getStats()));
      const rows = reports.flatMap((report) => [...report.values()]);
      noteSent(rows.filter(({ type, kind }) => type === "outbound-rtp" && kind === "video"));
      for (const row of rows) {
        if (row.type !== "inbound-rtp" || row.kind !== "video") continue;
        const name = seen.nameOf(seen.slots.get(row.mid)?.shortId);
        if (!name) continue;
        received[name] ??= [];
        received[name].push({
          at: row.timestamp,
          frames: row.framesReceived ?? 0,
          decoded: row.framesDecoded ?? 0,
          last: row.lastPacketReceivedTimestamp ?? row.timestamp,
        });
      }
    };
    const noteSent = (rows) => {
      if (rows.length === 0) return;
      const added = new Map();
      for (const { id, mid, framesSent = 0 } of rows) {
        const more = framesSent - (layers.get(id) ?? framesSent);
        layers.set(id, framesSent);
        added.set(mid, Math.max(added.get(mid) ?? 0, more));
      }
      const frames = (sent.at(-1)?.frames ?? 0) + [...added.values()].reduce((sum, more) => sum + more, 0);
      sent.push({ at: rows[0].timestamp, frames });
    };
    const watch = (async () => {
      while (watching) {
        await look();
        await new Promise((done) => setTimeout(done, EVERY_MS));
      }
      await look();
    })();
    return {
      async stop() {
        watching = false;
        await watch;
        return { sent, received };
      },
    };
  };
}
