/** For whom a transform is asked. */
export interface TransformContext {
  direction: "send" | "receive";
  kind: "audio" | "video";
  transceiver: RTCRtpTransceiver;
}

/**
 * Makes an encoded transform, for end-to-end encryption. Asked once for each m-line of each
 * connection. A receiving m-line is a slot: the frames of several people pass through it, told
 * apart by the `contributingSources` in each frame's metadata (their short ids).
 */
export type TransformFactory = (context: TransformContext) => RTCRtpScriptTransform | null;

/** The header extension from which the node reads keyframes and layers of an opaque payload. */
export const DEPENDENCY_DESCRIPTOR =
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/** The part of `RTCRtpTransceiver` that says which header extensions are offered. */
interface ExtensionControl {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: string }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: string }[]): void;
}

/** Offers the dependency descriptor on a video m-line. Returns whether the browser could. */
export function offerDependencyDescriptor(transceiver: RTCRtpTransceiver): boolean {
  const control = transceiver as unknown as ExtensionControl;
  const extensions = control.getHeaderExtensionsToNegotiate?.();
  if (!extensions || !control.setHeaderExtensionsToNegotiate) return false;
  const extension = extensions.find(({ uri }) => uri === DEPENDENCY_DESCRIPTOR);
  if (!extension) return false;
  extension.direction = "sendrecv";
  control.setHeaderExtensionsToNegotiate(extensions);
  return true;
}

/**
 * The offer with the dependency descriptor on every video m-line that lacks it, for browsers that
 * know the extension but have no way to ask for it. One id in the whole bundle (RFC 8843
 * section 9), of the one-byte form.
 */
export function withDependencyDescriptor(sdp: string): string {
  const known = new RegExp(`^a=extmap:(\\d+)\\S* ${escape(DEPENDENCY_DESCRIPTOR)}`, "m").exec(sdp);
  const used = new Set([...sdp.matchAll(/^a=extmap:(\d+)/gm)].map((match) => Number(match[1])));
  let id = known ? Number(known[1]) : 1;
  if (!known) while (used.has(id)) id++;
  if (id > 14) return sdp;
  return sdp
    .split(/^(?=m=)/m)
    .map((section) => {
      if (!section.startsWith("m=video") || section.includes(DEPENDENCY_DESCRIPTOR)) return section;
      return section.replace(
        /^a=(sendrecv|sendonly|recvonly|inactive)\r\n/m,
        (line) => `a=extmap:${id} ${DEPENDENCY_DESCRIPTOR}\r\n${line}`,
      );
    })
    .join("");
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
