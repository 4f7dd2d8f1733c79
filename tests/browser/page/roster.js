// Runs in every page before its own scripts: whether the slots follow who is in the room.
{
  /** Watches `seen` until `stop()`, which tells what happened since. */
  globalThis.followRoster = () => {
    const before = { ...seen.received };
    const since = (type) => (seen.received[type] ?? 0) - (before[type] ?? 0);
    const followed = { assignments: 0, mostFilled: 0, strangers: [] };
    const present = new Set();
    const filled = new Map();
    const off = seen.on((message) => {
      if (message.type === "participantJoined") present.add(message.participant.id);
      if (message.type === "participantLeft") {
        present.delete(message.participant);
        // Whoever left must be out of every slot soon after.
        setTimeout(() => gone(message.participant), 500);
      }
      if (message.type !== "slots") return;
      for (const { mid, content } of message.slots) {
        if (content) filled.set(mid, content.participant);
        else filled.delete(mid);
        if (content && !present.has(content.participant)) followed.strangers.push(content);
        if (content) followed.assignments += 1;
      }
      const videos = [...filled.keys()].filter((mid) => isVideo(mid)).length;
      followed.mostFilled = Math.max(followed.mostFilled, videos);
    });
    const isVideo = (mid) => seen.receivers("video").some((line) => line.mid === mid);
    const gone = (participant) => {
      for (const [mid, who] of filled) if (who === participant) followed.strangers.push({ mid, participant });
    };
    return {
      stop() {
        off();
        const joined = since("participantJoined");
        const left = since("participantLeft");
        return { ...followed, joined, left, filledAtTheEnd: filled.size, offers: seen.offers };
      },
    };
  };
}
