// What was, what is and what was taken back.
// Knows nothing about what it keeps.

export interface History<T> {
  readonly past: readonly T[];
  readonly present: T;
  readonly future: readonly T[];
}

/** Steps that can be taken back. */
const MAX_STEPS = 200;

export const begun = <T>(present: T): History<T> => ({ past: [], present, future: [] });

export const changed = <T>({ past, present }: History<T>, next: T): History<T> => ({
  past: [...past.slice(1 - MAX_STEPS), present],
  present: next,
  future: [],
});

export function undone<T>(history: History<T>): History<T> {
  const last = history.past.at(-1);
  if (last === undefined) return history;
  const future = [history.present, ...history.future];
  return { past: history.past.slice(0, -1), present: last, future };
}

export function redone<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future };
}
