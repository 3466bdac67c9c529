// What the server counts, read from its page for Prometheus, and how that went lately.
// Knows nothing about how it is drawn.

import { signal } from "@preact/signals";

/** Sums over all labels, except where only some count: requests for text. */
export interface Counts {
  readonly audio_s: number;
  readonly requests: number;
  readonly request_s: number;
  readonly inFlight: number;
  readonly backlog_s: number;
  readonly storedJobs: number;
}

export interface Sample {
  readonly at: number;
  readonly counts: Counts;
}

/** How many samples are kept: three minutes of them. */
const MAX_SAMPLES = 61;

export const samples = signal<readonly Sample[]>([]);

export function keep(sample: Sample): void {
  samples.value = [...samples.value.slice(1 - MAX_SAMPLES), sample];
}

export function countsIn(text: string): Counts {
  const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
  const sum = (name: string, label = "") =>
    lines
      .filter((line) => /^[a-zA-Z_:]+/u.exec(line)?.[0] === name && line.includes(label))
      .reduce((total, line) => total + (Number(line.split(" ").at(-1)) || 0), 0);
  return {
    audio_s: sum("auricle_audio_seconds_total"),
    requests: sum("auricle_request_seconds_count", "/audio/"),
    request_s: sum("auricle_request_seconds_sum", "/audio/"),
    inFlight: sum("auricle_model_requests"), // not the page's own questions
    backlog_s: sum("auricle_backlog_seconds"),
    storedJobs: sum("auricle_stored_jobs"),
  };
}

/** A figure between every two samples; none where there was nothing to tell it by. */
export function between(
  all: readonly Sample[],
  figure: (from: Sample, to: Sample) => number,
): number[] {
  return all.slice(1).map((to, i) => {
    const from = all[i];
    const value = from ? figure(from, to) : NaN;
    return Number.isFinite(value) ? Math.max(0, value) : NaN; // a server that started anew counts from 0
  });
}

/** Seconds of audio a second. */
export const throughput = (from: Sample, to: Sample): number =>
  (to.counts.audio_s - from.counts.audio_s) / ((to.at - from.at) / 1000);

/** Mean seconds until an answer was complete. */
export function latency(from: Sample, to: Sample): number {
  const n = to.counts.requests - from.counts.requests;
  return n > 0 ? (to.counts.request_s - from.counts.request_s) / n : NaN;
}
