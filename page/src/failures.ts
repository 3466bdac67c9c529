// Requests that failed lately, as the server remembers them and as this page knows them.
// Knows nothing about how they are shown.

import { computed, signal } from "@preact/signals";
import { titleOf } from "./problem";
import { ask, problems } from "./server";

/** What the server tells of one; nothing of what was sent. */
interface Failed {
  readonly id: string;
  /** Seconds since 1970. */
  readonly ended_at: number;
  readonly method: string;
  readonly path: string | null;
  readonly status: number | null;
  readonly close_code: number | null;
  readonly code: string | null;
  readonly param: string | null;
  readonly model: string | null;
}

export interface Failure {
  readonly at: Date;
  readonly title: string;
  readonly status: number;
  /** Of this page's own: what the server said. */
  readonly detail: string;
  /** What was asked, of which model. */
  readonly asked: readonly string[];
  readonly id: string | null;
}

const told = signal<readonly Failed[]>([]);

/** @throws Refused */
export async function look(): Promise<void> {
  told.value = (await ask<{ data: Failed[] }>("v1/errors", { isQuiet: true })).data;
}

/** The newest first; one that both know once. */
export const failures = computed<readonly Failure[]>(() => {
  const own = problems.value.map(({ at, title, status, detail, requestId: id }) => {
    const known = told.value.find((each) => each.id === id);
    return { at, title, status, detail, asked: known ? asked(known) : [], id };
  });
  const others = told.value.filter((each) => !own.some(({ id }) => id === each.id)).map(seen);
  return [...own, ...others].sort((a, b) => b.at.getTime() - a.at.getTime());
});

const seen = (failed: Failed): Failure => ({
  at: new Date(failed.ended_at * 1000),
  title: titleFor(failed),
  status: failed.status ?? 0,
  detail: failed.param ? `Concerns ${failed.param}.` : "",
  asked: asked(failed),
  id: failed.id,
});

function titleFor({ status, code, param, close_code: closed }: Failed): string {
  if (closed !== null) return `The stream was closed with ${closed}`;
  if (status === null) return "There was no answer";
  return status < 400 ? "The server gave up half-way" : titleOf(status, code, param);
}

const asked = ({ method, path, model }: Failed): string[] => [
  path === null ? `${method}, no such path` : `${method} ${path}`,
  ...(model ? [model] : []),
];
