// The session's recordings: a few are sent at a time, the others wait.
// Knows nothing about how one is read.

import { computed, signal } from "@preact/signals";
import { Job } from "./job";
import { isWorthAgain } from "./problem";
import { USUAL, type Options } from "./request";

/** Requests at a time; the server shares its cores among all of them anyway. */
const MAX_RUNNING = 3;

export const jobs = signal<readonly Job[]>([]);
export const options = signal<Options>(USUAL);

const chosenId = signal<number | null>(null);
export const chosen = computed(() => jobs.value.find(({ id }) => id === chosenId.value) ?? null);

export const choose = (job: Job): void => {
  chosenId.value = job.id;
};

export function add(files: readonly File[]): void {
  const added = files.map((file) => new Job(file, options.value));
  jobs.value = [...jobs.value, ...added];
  const [first] = added;
  if (first) choose(first);
  runWaiting();
}

/** The same recording once more, with the options as they are now, in the place of the first;
 * beside it, where somebody has edited or spoken that. */
export function again(job: Job, isChosen = true): void {
  const next = new Job(job.file, options.value);
  const isEdited = job.isSpoken || job.history.value.past.length > 0;
  jobs.value = jobs.value.flatMap((each) =>
    each !== job ? [each] : isEdited ? [job, next] : [next],
  );
  if (isChosen || chosenId.value === job.id) choose(next);
  if (!isEdited) job.forget();
  runWaiting();
}

/** Those that failed, may not the next time, and hold nothing that somebody wrote. */
export const failed = computed(() =>
  jobs.value.filter(
    ({ problem: { value: problem }, history }) =>
      problem !== null && isWorthAgain(problem) && !history.value.past.length,
  ),
);

export function retryFailed(): void {
  for (const job of failed.value) again(job, false);
}

/** Send those anew that were refused for want of a key. */
export function retryRefused(): void {
  for (const job of jobs.value) if (job.problem.value?.status === 401) again(job, false);
}

/** Have a text that is there already, with the recording it is of, among the others. */
export function keep(job: Job): void {
  jobs.value = [...jobs.value, job];
}

/** Whether something would be lost if the page were left. */
export const isUnsaved = (): boolean =>
  jobs.value.some(
    ({ isOver, isSpoken, history }) => !isOver.value || isSpoken || history.value.past.length > 0,
  );

export function remove(job: Job): void {
  const at = jobs.value.indexOf(job);
  jobs.value = jobs.value.filter((each) => each !== job);
  job.forget();
  if (chosenId.value === job.id)
    chosenId.value = jobs.value[Math.min(at, jobs.value.length - 1)]?.id ?? null;
  runWaiting();
}

function runWaiting(): void {
  const running = jobs.value.filter(({ state }) => ["sending", "reading"].includes(state.value));
  const waiting = jobs.value.filter(({ state }) => state.value === "waiting");
  for (const job of waiting.slice(0, Math.max(0, MAX_RUNNING - running.length))) {
    void job.run().then(runWaiting);
  }
}
