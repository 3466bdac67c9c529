// Jobs that the server keeps and does when it has time, and what can be done with them.
// Knows nothing about how they are shown.

import { signal } from "@preact/signals";
import type { Format } from "./formats";
import { ask, askText } from "./server";

export interface StoredJob {
  readonly id: string;
  readonly status: "queued" | "running" | "completed" | "failed" | "cancelled";
  readonly name: string | null;
  readonly model: string;
  readonly task: "transcribe" | "translate";
  readonly source: { readonly type: string; readonly name: string | null };
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly progress: { readonly processed_s: number; readonly duration_s: number | null };
  readonly error: { readonly message: string } | null;
}

interface Page {
  readonly data: readonly StoredJob[];
  readonly last_id: string | null;
  readonly has_more: boolean;
}

const PAGE = 20;
const MAX_SHOWN = 100;

/** Null before the first answer. */
export const stored = signal<Page | null>(null);
const shown = signal(PAGE);

export const isActive = ({ status }: StoredJob): boolean =>
  status === "queued" || status === "running";

/** @throws Refused */
export async function look(): Promise<void> {
  stored.value = await ask<Page>(`v1/jobs?limit=${shown.value}`, { isQuiet: true });
}

/** Whether there is more to be shown than is, and may be. */
export const hasMore = (): boolean => !!stored.value?.has_more && shown.value < MAX_SHOWN;

/** @throws Refused */
export async function more(): Promise<void> {
  shown.value = Math.min(MAX_SHOWN, shown.value + PAGE);
  await look();
}

/** @throws Refused */
export const cancel = (id: string): Promise<void> => act(`v1/jobs/${id}/cancel`, "POST");
/** @throws Refused */
export const remove = (id: string): Promise<void> => act(`v1/jobs/${id}`, "DELETE");

/** What came of it.
 * @throws Refused */
export const result = (id: string, format: Format): Promise<string> =>
  askText(`v1/jobs/${id}/result?response_format=${NAMES[format]}`);

const NAMES: Readonly<Record<Format, string>> = {
  txt: "text",
  srt: "srt",
  vtt: "vtt",
  json: "verbose_json",
};

async function act(path: string, method: string): Promise<void> {
  await ask(path, { method });
  await look();
}
