/** Signed distance from `b` to `a` in RTP clock units, modulo 2^32 (RFC 3550 section 5.1). */
export function rtpDistance(a: number, b: number): number {
  return (a - b) | 0;
}
