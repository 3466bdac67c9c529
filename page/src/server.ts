// How the page talks to its server: addresses, the key, answers and refusals.
// Knows nothing about recordings or what is shown.

import { signal } from "@preact/signals";
import { ownProblem, refusal, unreachable, type Answer, type Problem } from "./problem";

/** Every address is relative to the page: behind a proxy the server may have a path before it. */
export const BASE = new URL(".", location.href).href.replace(/\/$/u, "");

const KEY_NAME = "auricle-key";

/** The key of this session of the browser's tab, empty without one; never kept longer. */
export const key = signal(sessionStorage.getItem(KEY_NAME) ?? "");
/** Whether the server refused for want of a right key. */
export const wantsKey = signal(false);
/** Whether what is asked is refused until there is a right key. */
export const isLocked = signal(false);

export function useKey(given: string): void {
  if (given) sessionStorage.setItem(KEY_NAME, given);
  else sessionStorage.removeItem(KEY_NAME);
  key.value = given;
  wantsKey.value = false;
  isLocked.value = false;
}

/** Ask for a key; once only where nobody has done anything that needs one. */
function lock(isQuiet: boolean): void {
  if (!isQuiet || !isLocked.value) wantsKey.value = true;
  isLocked.value = true;
}

export const authorization = (): Record<string, string> =>
  key.value ? { Authorization: `Bearer ${key.value}` } : {};

const MAX_NOTED = 50;

/** What went wrong since the page was opened, the newest first. */
export const problems = signal<readonly Problem[]>([]);

/** Keep a problem for the list of errors, and ask for a key where that was it. */
export function noted(problem: Problem): Problem {
  problems.value = [problem, ...problems.value].slice(0, MAX_NOTED);
  if (problem.status === 401) lock(false);
  if (problem.status === 0) void check();
  return problem;
}

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

const ASK_TIMEOUT_MS = 20_000;
const LOAD_TIMEOUT_MS = 15 * 60_000;

interface Asking {
  readonly method?: string;
  /** Statuses besides success whose body is wanted. */
  readonly accepted?: readonly number[];
  /** Whether a refusal is left out of the list of errors. */
  readonly isQuiet?: boolean;
}

/** An answer's text.
 * @throws Refused what was answered instead */
export async function askText(path: string, asking: Asking = { isQuiet: true }): Promise<string> {
  const { method = "GET", accepted = [], isQuiet = false } = asking;
  const answer = await sent(path, method).catch(() => null);
  if (answer === null) throw refused(unreachable(false), isQuiet);
  const body = await answer.text();
  const header = (name: string) => answer.headers.get(name);
  if (!answer.ok && !accepted.includes(answer.status)) {
    throw refused(refusal({ status: answer.status, body, header }), isQuiet);
  }
  return body;
}

/** An answer in JSON.
 * @throws Refused what was answered instead */
export async function ask<T>(path: string, asking: Asking = {}): Promise<T> {
  const body = await askText(path, asking);
  const { isQuiet = false } = asking;
  try {
    return JSON.parse(body) as T;
  } catch {
    throw refused(ownProblem("The server's answer makes no sense", body.slice(0, 200)), isQuiet);
  }
}

function sent(path: string, method: string): Promise<Response> {
  const timeout = AbortSignal.timeout(method === "GET" ? ASK_TIMEOUT_MS : LOAD_TIMEOUT_MS);
  const headers = { ...authorization(), Accept: "application/json" };
  return fetch(`${BASE}/${path}`, { method, headers, signal: timeout });
}

function refused(problem: Problem, isQuiet: boolean): Refused {
  if (problem.status === 401) lock(isQuiet);
  return new Refused(isQuiet ? problem : noted(problem));
}

export interface Upload {
  readonly onSent: (share: number) => void;
  /** All that has come of the answer's body so far, when its status is 200. */
  readonly onBody: (body: string, header: Answer["header"]) => void;
}

/** Send a form and follow its answer; `fetch` tells nothing of what has been sent.
 * @throws Refused the answer was no success, or broke off */
export function upload(
  path: string,
  form: FormData,
  { onSent, onBody }: Upload,
  signal: AbortSignal,
): Promise<void> {
  const request = new XMLHttpRequest();
  const header = (name: string) => request.getResponseHeader(name);
  request.upload.onprogress = ({ loaded, total }) => onSent(total ? loaded / total : 0);
  request.upload.onload = () => onSent(1);
  // Of an answer that broke off, the browser gives away what had come, and its headers
  let hasBegun = false;
  let id: string | null = null;
  request.onprogress = () => {
    hasBegun = true;
    id = header("x-request-id");
    if (request.status === 200) onBody(request.responseText, header);
  };
  request.open("POST", `${BASE}/${path}`);
  for (const [name, value] of Object.entries(authorization()))
    request.setRequestHeader(name, value);
  return new Promise((resolve, reject) => {
    request.onload = () => {
      const { status, responseText: body } = request;
      if (status !== 200) return reject(new Refused(refusal({ status, body, header })));
      onBody(body, header);
      resolve();
    };
    request.onerror = () => reject(new Refused(unreachable(hasBegun, id)));
    // Itself, since a request that is aborted with its last bytes tells nobody any more
    signal.addEventListener("abort", () => {
      request.abort();
      reject(new DOMException("cancelled", "AbortError"));
    });
    request.send(form);
  });
}

export interface Model {
  readonly id: string;
  readonly root: string;
  readonly state: "unloaded" | "loading" | "ready" | "unloading" | "failed";
  readonly memory_mb: number;
  readonly queue: { readonly requests: number; readonly windows: number };
  readonly device: string | null;
  readonly compute_type: string | null;
  readonly languages: readonly string[] | null;
  readonly reason: string | null;
}

export interface Health {
  readonly status: "ok" | "starting" | "failed" | "stopping";
  /** Not told in WhisperKit's dialect. */
  readonly model?: string;
  readonly version?: string;
  readonly reason?: string | null;
}

/** Null while the server cannot be reached; undefined before it was asked. */
export const health = signal<Health | null | undefined>(undefined);
export const models = signal<readonly Model[]>([]);

/** Ask how the server is, and which models it has. */
export async function refresh(): Promise<void> {
  await check();
  await quietly(async () => {
    const list = await ask<{ data: Model[] }>("v1/models", { isQuiet: true });
    models.value = list.data;
    isLocked.value = false;
  });
}

const check = (): Promise<void> =>
  quietly(async () => {
    const before = health.value;
    health.value = await ask<Health>("health", { accepted: [503], isQuiet: true });
    if (before !== undefined && before?.status !== health.value.status) await refresh();
  });

async function quietly(asking: () => Promise<void>): Promise<void> {
  try {
    await asking();
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 0) health.value = null;
  }
}

export const REFRESH_MS = 3000;
const WELL_MS = 15_000;

/** Ask how the server is while somebody looks, and more often while something is wrong. */
export function watch(): void {
  const tick = async () => {
    if (!document.hidden && !wantsKey.value) await check();
    setTimeout(() => void tick(), health.value?.status === "ok" ? WELL_MS : REFRESH_MS);
  };
  void refresh();
  setTimeout(() => void tick(), REFRESH_MS);
}
