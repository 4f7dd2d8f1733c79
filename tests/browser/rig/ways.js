// The way that media takes between a page and the node.

const MEDIA_BYTES = 40_000;

/** The path in use, once so much came over it that it can only be media: `{ type, protocol, relayProtocol, remote, received }`. */
export async function wayOfMedia(page) {
  return page.evaluate(inUse, MEDIA_BYTES);
}

/** Runs in the page. */
async function inUse(least) {
  const look = async () => {
    const all = await room.peerConnection.getStats();
    const transport = [...all.values()].find(({ type }) => type === "transport");
    const pair = all.get(transport?.selectedCandidatePairId);
    if (!pair || pair.bytesReceived < least) return null;
    const local = all.get(pair.localCandidateId);
    const remote = all.get(pair.remoteCandidateId);
    return {
      type: local.candidateType,
      protocol: local.protocol,
      relayProtocol: local.relayProtocol ?? null,
      remote: `${remote.protocol} ${remote.address}`,
      received: pair.bytesReceived,
    };
  };
  const { found } = await timeUntil(look, { every: 200, limit: 60_000, what: "a path with media on it" });
  return found;
}
