/** What a room may be called: 1 to 64 letters, digits, `-`, `_` or `.`, not only dots. */
const ROOM = /^(?!\.+$)[\p{Alphabetic}\p{N}._-]{1,64}$/u;

/** Whether a room may be called that. */
export function isRoomName(name: string): boolean {
  return ROOM.test(name);
}

/** The room in a path of the page (`/room/{name}`), or `""`. */
export function roomOfPath(path: string): string {
  const match = /^\/room\/([^/]+)\/?$/.exec(path);
  if (!match?.[1]) return "";
  try {
    return decodeURIComponent(match[1]);
  } catch {
    return "";
  }
}

/** The path of a room. */
export function pathOfRoom(name: string): string {
  return `/room/${encodeURIComponent(name)}`;
}
