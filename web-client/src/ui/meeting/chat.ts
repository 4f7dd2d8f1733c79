/** One line of the chat. */
export interface ChatLine {
  key: number;
  /** `null`: ours. */
  from: string | null;
  text: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** The conversation as the page holds it. */
export interface ChatLog {
  lines: readonly ChatLine[];
  unread: number;
}

/** Older lines are forgotten. */
const MAX_LINES = 500;

/** Nothing was said yet. */
export const EMPTY_CHAT: ChatLog = { lines: [], unread: 0 };

/** The conversation after one more line; one that others wrote counts unless `open`. */
export function addLine(log: ChatLog, line: Omit<ChatLine, "key">, open: boolean): ChatLog {
  const key = (log.lines.at(-1)?.key ?? 0) + 1;
  const unread = open || line.from === null ? log.unread : log.unread + 1;
  return { lines: [...log.lines, { ...line, key }].slice(-MAX_LINES), unread: open ? 0 : unread };
}

/** The conversation after somebody looked at it. */
export function markRead(log: ChatLog): ChatLog {
  return log.unread === 0 ? log : { ...log, unread: 0 };
}
