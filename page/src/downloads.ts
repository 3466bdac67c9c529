// The models that can be put on the server's machine, and how far those are that are on their way.
// Knows nothing about how that is shown.

import { computed, signal } from "@preact/signals";
import { ask, refresh } from "./server";

export interface Download {
  readonly id: string;
  readonly state: "absent" | "downloading" | "here" | "cancelled" | "failed";
  readonly bytes: number;
  readonly received_bytes: number;
  readonly reason: string | null;
  readonly transcribes: boolean;
  /** How many it knows; 1 is English. */
  readonly languages: number | null;
  readonly translates: boolean;
  readonly memory_mb: number | null;
  /** Whether it would fit in memory, where that is known. */
  readonly fits: boolean | null;
}

interface DownloadList {
  readonly data: readonly Download[];
  /** Why this client cannot start downloads, if so. */
  readonly refusal: string | null;
}

/** Null before the first answer. */
export const list = signal<DownloadList | null>(null);

const isComing = ({ state }: Download): boolean => state === "downloading";
export const areComing = computed(() => list.value?.data.some(isComing) ?? false);

/** Ask how far they are; a model that has arrived is one that can be loaded.
 * @throws Refused */
export async function look(): Promise<void> {
  const before = list.value?.data.filter(isComing).map(({ id }) => id) ?? [];
  list.value = await ask<DownloadList>("v1/downloads", { isQuiet: true });
  const here = list.value.data.filter(({ state }) => state === "here").map(({ id }) => id);
  if (before.some((id) => here.includes(id))) await refresh();
}

/** @throws Refused */
export const start = (id: string): Promise<void> => act(id, "POST");
/** @throws Refused */
export const cancel = (id: string): Promise<void> => act(id, "DELETE");

async function act(id: string, method: string): Promise<void> {
  await ask(`v1/models/${encodeURIComponent(id)}/download`, { method });
  await look();
}

/** `1.5 GB`, as files are counted. */
export const size = (bytes: number): string =>
  bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} kB`
    : bytes < 1e9
      ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
      : `${(bytes / 1e9).toFixed(1)} GB`;

/** `0.5 GB` of memory. */
export const memory = (mib: number): string => `${((mib * 1024 ** 2) / 1e9).toFixed(1)} GB`;
