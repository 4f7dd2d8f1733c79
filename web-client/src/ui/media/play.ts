/** Plays a track in an element, and another one when it changes. A Svelte action. */
export function playTrack(
  element: HTMLMediaElement,
  track: MediaStreamTrack | null,
): { update(track: MediaStreamTrack | null): void; destroy(): void } {
  const set = (track: MediaStreamTrack | null) => {
    const stream = element.srcObject;
    if (stream instanceof MediaStream && stream.getTracks()[0] === track) return;
    element.srcObject = track ? new MediaStream([track]) : null;
  };
  set(track);
  return { update: set, destroy: () => set(null) };
}
