// Runs in every page before its own scripts: sees what the page says to the node and to WebRTC,
// without asking the client library, which is itself under test.
{
  const NativeConnection = globalThis.RTCPeerConnection;
  const NativeSocket = globalThis.WebSocket;

  const listeners = new Set();
  const seen = {
    /** Every RTCPeerConnection that the page made. */
    connections: [],
    /** How many offers were made for them: those that the node was told of, where there is one.
     * (To change a voice, the library applies an answer once more, with an offer that nobody sees.) */
    get offers() {
      return this.openedAt === null ? this.described : (this.sent.offer ?? 0);
    },
    described: 0,
    /** How many websocket messages of each type went out and came in. */
    sent: {},
    received: {},
    /** The last message of the node of each type. */
    last: {},
    /** Milliseconds (performance.now) at which the last websocket opened. */
    openedAt: null,
    /** Participant ids to participants, everyone who was ever in the room. */
    people: new Map(),
    /** Each content of a slot that began, with its first RTP timestamp. */
    begun: [],
    /** Slots by m-line, as last announced. */
    slots: new Map(),
    /** Calls `listener` with each message of the node; returns a function that stops it. */
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** The name of the person with that number in the room. */
    nameOf(shortId) {
      return [...seen.people.values()].find((person) => person.shortId === shortId)?.name ?? null;
    },
    /** Who contributes to a receiver now, by the CSRC that arrived last. */
    contributor(receiver) {
      const [last] = receiver.getContributingSources().sort((a, b) => b.timestamp - a.timestamp);
      return last ? seen.nameOf(last.source) : null;
    },
    /** What the browser counted for the video slot of each m-line, since the page was opened. */
    async videoCounts() {
      const reports = await Promise.all(seen.connections.map((connection) => connection.getStats()));
      const rows = reports.flatMap((report) => [...report.values()]);
      return rows
        .filter(({ type, kind, packetsReceived }) => type === "inbound-rtp" && kind === "video" && packetsReceived)
        .map(({ mid, packetsReceived, packetsLost, pliCount, freezeCount, framesDropped, keyFramesDecoded }) => {
          const name = seen.nameOf(seen.slots.get(mid)?.shortId);
          return { name, packetsReceived, packetsLost, pliCount, freezeCount, framesDropped, keyFramesDecoded };
        });
    },
    /** Receivers of a kind over all connections, with their m-lines. */
    receivers(kind) {
      return seen.connections
        .filter((connection) => connection.connectionState !== "closed")
        .flatMap((connection) => connection.getTransceivers())
        .filter(({ receiver, direction }) => receiver.track.kind === kind && direction === "recvonly")
        .map(({ mid, receiver }) => ({ mid, receiver }));
    },
  };
  globalThis.seen = seen;

  globalThis.RTCPeerConnection = class extends NativeConnection {
    constructor(...configuration) {
      super(...configuration);
      seen.connections.push(this);
    }
    setLocalDescription(description) {
      const made = description?.type ?? (this.signalingState === "have-remote-offer" ? "answer" : "offer");
      if (made === "offer") seen.described += 1;
      return super.setLocalDescription(description);
    }
  };

  globalThis.WebSocket = class extends NativeSocket {
    constructor(...where) {
      super(...where);
      this.addEventListener("open", () => (seen.openedAt = performance.now()));
      this.addEventListener("message", ({ data }) => note(data));
    }
    send(data) {
      count(seen.sent, JSON.parse(data).type);
      super.send(data);
    }
  };

  function note(data) {
    const message = JSON.parse(data);
    count(seen.received, message.type);
    seen.last[message.type] = message;
    if (message.type === "welcome") {
      for (const person of [message.participant, ...message.participants]) {
        seen.people.set(person.id, person);
      }
    }
    if (message.type === "participantJoined") {
      seen.people.set(message.participant.id, message.participant);
    }
    const person = seen.people.get(message.participant);
    if (message.type === "trackPublished") person?.tracks.push(message.track);
    if (message.type === "trackMuted") {
      const track = person?.tracks.find(({ id }) => id === message.track);
      if (track) track.muted = message.muted;
    }
    if (message.type === "trackUnpublished") {
      person?.tracks.splice(person.tracks.findIndex(({ id }) => id === message.track), 1);
    }
    if (message.type === "slots") {
      for (const { mid, content } of message.slots) {
        seen.slots.set(mid, content);
        if (typeof content?.rtpTimestamp === "number") seen.begun.push({ mid, ...content });
      }
    }
    for (const listener of listeners) listener(message);
  }

  function count(table, type) {
    table[type] = (table[type] ?? 0) + 1;
  }
}
