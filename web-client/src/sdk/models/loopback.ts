/**
 * A connection of this page to itself: what goes through it is sound of a connection, which every
 * browser's echo canceller knows. Costs some 40 ms and an Opus encoder and decoder.
 */
export class Loopback {
  readonly #near = new RTCPeerConnection();
  readonly #far = new RTCPeerConnection();
  readonly #audio = new Audio();

  /** `stream`: what is to be heard. */
  async open(stream: MediaStream): Promise<void> {
    const [near, far] = [this.#near, this.#far];
    near.onicecandidate = ({ candidate }) => candidate && void far.addIceCandidate(candidate);
    far.onicecandidate = ({ candidate }) => candidate && void near.addIceCandidate(candidate);
    far.ontrack = ({ track }) => {
      this.#audio.srcObject = new MediaStream([track]);
      // The context runs, so this page may play.
      void this.#audio.play().catch(() => undefined);
    };
    for (const track of stream.getAudioTracks()) near.addTrack(track, stream);
    await near.setLocalDescription();
    await far.setRemoteDescription(near.localDescription as RTCSessionDescription);
    const answer = await far.createAnswer();
    // Music quality: the voices have been through a codec already.
    const sdp = (answer.sdp ?? "").replace(/^(a=fmtp:\d+ minptime.*)$/m, "$1;maxaveragebitrate=96000");
    await far.setLocalDescription({ type: "answer", sdp });
    await near.setRemoteDescription(far.localDescription as RTCSessionDescription);
  }

  close(): void {
    this.#near.close();
    this.#far.close();
    this.#audio.srcObject = null;
  }
}
