// Runs in pages before their own scripts, behind page/modelwatch.js: what a person has of each other one,
// second by second, in whatever form: pictures, and the part of the time for which there was no voice
// that was sent.
{
  const now = () => performance.timeOrigin + performance.now();
  const VOICE = 1;
  const BLOCK_MS = 80;

  /** By short id and source: what the node says of the form, last. */
  const forms = new Map();
  seen.on((message) => {
    if (message.type !== "forms") return;
    for (const { shortId, source, form, reason } of message.forms) forms.set(`${shortId} ${source}`, { form, reason: reason ?? null });
  });

  /** Raw media of everybody in a slot, as counted since it was opened: by short id. */
  const rawCounts = async () => {
    const people = new Map();
    for (const connection of seen.connections) {
      if (connection.connectionState === "closed") continue;
      for (const row of (await connection.getStats()).values()) {
        const shortId = row.type === "inbound-rtp" ? seen.slots.get(row.mid)?.shortId : undefined;
        if (shortId === undefined) continue;
        const counts = people.get(shortId) ?? { decoded: 0, samples: 0, concealed: 0 };
        if (row.kind === "video") counts.decoded = row.framesDecoded ?? 0;
        else Object.assign(counts, { samples: row.totalSamplesReceived ?? 0, concealed: row.concealedSamples ?? 0 });
        people.set(shortId, counts);
      }
    }
    return people;
  };

  let before = new Map();
  const lastMedia = new Map();
  const voiceForm = new Map();

  /**
   * What there was since the last call: `{ at, rows: [{ name, voice, voiceReason, face, faceReason, pictures,
   * gap }] }`: the forms that are played, and why as far as the node says; pictures; of the voice, the part
   * of the time, 0 to 1, for which a raw one was made up or missing, and for which of one in model form
   * nothing was there as it was to be played, or never came.
   */
  globalThis.lookAtPeople = async () => {
    const reports = globalThis.takeReports();
    const raw = await rawCounts();
    const rows = [...seen.people.values()].filter(({ tracks }) => tracks.length > 0).map(({ name, shortId }) => {
      const own = reports.filter(({ participant }) => participant === shortId);
      const counts = raw.get(shortId);
      const last = before.get(shortId) ?? counts;
      const drawn = new Set(own.filter(({ type }) => type === "drawn").map(({ media }) => media)).size;
      const decoded = counts && last ? Math.max(0, counts.decoded - last.decoded) : 0;
      const statuses = own.filter(({ type }) => type === "voice");
      if (statuses.length > 0) voiceForm.set(shortId, statuses.at(-1).form);
      const inModel = voiceForm.get(shortId) === "model";
      const samples = counts && last ? counts.samples - last.samples : 0;
      const rawGap = samples > 0 ? (counts.concealed - last.concealed) / samples : 1;
      const gap = inModel ? modelGap(shortId, own, statuses) : rawGap;
      const faceForm = drawn > 0 ? "model" : "raw";
      const why = (source) => forms.get(`${shortId} ${source}`)?.reason ?? null;
      return {
        name,
        voice: inModel ? "model" : "raw",
        voiceReason: why("microphone"),
        face: faceForm,
        faceReason: why("camera"),
        // Both forms are there for a moment around a switch.
        pictures: Math.max(drawn, decoded),
        gap: Math.max(0, Math.min(1, gap)),
      };
    });
    before = raw;
    return { at: now(), rows };
  };

  function modelGap(shortId, own, statuses) {
    const silent = statuses.length === 0 ? 1 : statuses.filter(({ running }) => !running).length / statuses.length;
    const media = own.filter(({ type, plugin }) => type === "arrived" && plugin === VOICE).map((row) => row.media).sort((a, b) => a - b);
    let [sent, lost] = [0, 0];
    for (const time of media) {
      const previous = lastMedia.get(shortId);
      lastMedia.set(shortId, Math.max(time, previous ?? time));
      if (previous === undefined || time <= previous) continue;
      const blocks = Math.round((time - previous) / BLOCK_MS);
      // A longer silence is one of the sender, or of everything, which is heard as silence.
      if (blocks > 12) continue;
      sent += blocks;
      lost += blocks - 1;
    }
    return silent + (1 - silent) * (sent > 0 ? lost / sent : 0);
  }
}
