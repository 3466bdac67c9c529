// What went wrong, in words for people: what happened, what to do, and what the server said.
// Knows nothing about how it is shown.

export interface Problem {
  readonly title: string;
  readonly detail: string;
  readonly status: number;
  readonly code: string | null;
  readonly requestId: string | null;
  /** Seconds after which trying again is worth it. */
  readonly retryAfter: number | null;
  readonly at: Date;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly header: (name: string) => string | null;
}

const UNREADABLE = "This file cannot be read";

const TITLES: Readonly<Record<number, string>> = {
  400: "The server cannot do this",
  401: "The server wants a key",
  403: "This page may not use the server",
  404: "The server does not have this",
  405: "The server does not do this",
  408: "The upload was too slow",
  413: "The file is too large for this server",
  429: "The server has too much to do",
  431: "The request is too long",
  500: "The server failed on this recording",
  503: "The server is not ready",
  504: "It took longer than it may",
  507: "The server's disk is full",
};

/** By the code of the error, where that says more than its status. */
const TITLES_BY_CODE: Readonly<Record<string, string>> = {
  invalid_api_key: "That key is not right",
  model_not_found: "The server does not have this model",
  server_starting: "The server is still starting",
  server_busy: "The server has too much to do",
  unsupported_value: "The model cannot do this",
  unsupported_language: "The model does not know this language",
  memory_budget: "There is no memory for the model",
  deadline_exceeded: "It took longer than it may",
  model_loading: "The model is still being loaded",
  model_in_use: "The model is in use",
  model_not_allowed: "This key may not use the model",
  offline: "The server is offline",
  download_not_allowed: "Models are not downloaded from here",
  too_many_downloads: "Two models are on their way already",
};

interface Envelope {
  readonly error?: {
    readonly message?: unknown;
    readonly code?: unknown;
    readonly param?: unknown;
  };
}

/** What went wrong, as far as a status and a code tell it. */
export const titleOf = (status: number, code: string | null, param: unknown): string =>
  (status === 400 && param === "file" && UNREADABLE) ||
  (code && TITLES_BY_CODE[code]) ||
  TITLES[status] ||
  `The server answered ${status}`;

/** What an answer that is no success says. */
export function refusal({ status, body, header }: Answer): Problem {
  const error = envelope(body)?.error ?? {};
  const code = typeof error.code === "string" ? error.code : null;
  const message = typeof error.message === "string" ? error.message : body.slice(0, 300);
  const retryAfter = Number(header("retry-after"));
  return {
    title: titleOf(status, code, error.param),
    detail: sized(message) || "It did not say why.",
    status,
    code,
    requestId: header("x-request-id"),
    retryAfter: retryAfter > 0 ? retryAfter : null,
    at: new Date(),
  };
}

/** A limit in bytes as people say it. */
const sized = (message: string): string =>
  message.replace(/^Maximum content size limit \((\d+)\).*/u, (_, limit: string) => {
    return `It takes files of up to ${(Number(limit) / 1e6).toFixed(Number(limit) < 1e7 ? 1 : 0)} MB.`;
  });

/** An error that came after the answer had begun. */
export function lateError(data: string, header: Answer["header"]): Problem | null {
  if (envelope(data)?.error === undefined) return null;
  return { ...refusal({ status: 500, body: data, header }), title: "The server gave up half-way" };
}

export function unreachable(hasBegun: boolean, requestId: string | null = null): Problem {
  return {
    title: hasBegun ? "The connection broke" : "The server cannot be reached",
    detail: hasBegun
      ? "The server stopped, or the network did, before the text was complete. What had come is kept below."
      : "Is it running, and is this computer still on its network? Try again when it is.",
    status: 0,
    code: null,
    requestId,
    retryAfter: null,
    at: new Date(),
  };
}

/** Whether the same request could ever be answered. */
export const isWorthAgain = ({ status, title }: Problem): boolean =>
  title !== UNREADABLE && status !== 413;

export function ownProblem(title: string, detail: string): Problem {
  const at = new Date();
  return { title, detail, status: 0, code: null, requestId: null, retryAfter: null, at };
}

function envelope(body: string): Envelope | null {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : null;
  } catch {
    return null;
  }
}
