/** The header extensions that the model stream needs: 8 bytes a packet, in place of Chrome's 16. */
const NEEDED = [
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
];

interface ExtensionControl {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: string }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: string }[]): void;
}

/**
 * Has an audio m-line offer what the model stream needs and nothing else: Opus alone, no redundancy
 * of the browser's own, no header extension but for the m-line and transport feedback. A browser that
 * cannot choose extensions leaves that to the answer.
 */
export function onlyModelPackets(line: RTCRtpTransceiver): void {
  const known = RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [];
  const opus = known.filter(({ mimeType }) => mimeType.toLowerCase() === "audio/opus");
  if (opus.length > 0) line.setCodecPreferences(opus);
  const control = line as unknown as ExtensionControl;
  const extensions = control.getHeaderExtensionsToNegotiate?.();
  if (!extensions || !control.setHeaderExtensionsToNegotiate) return;
  for (const extension of extensions) {
    // The mandatory one cannot be stopped, and is among those that are needed.
    if (!NEEDED.includes(extension.uri)) extension.direction = "stopped";
  }
  control.setHeaderExtensionsToNegotiate(extensions);
}
