// The session's recordings, each with how far it is.

import { clock } from "./formats";
import { Icon } from "./icons";
import type { Job } from "./job";
import { choose, chosen, failed, jobs, remove, retryFailed } from "./jobs";

export function JobList() {
  if (!jobs.value.length) return null;
  return (
    <>
      {failed.value.length > 1 && (
        <button type="button" class="button" onClick={retryFailed}>
          <Icon name="again" /> Try all {failed.value.length} again
        </button>
      )}
      <ul class="jobs" aria-label="Recordings">
        {jobs.value.map((job) => (
          <Row key={job.id} job={job} />
        ))}
      </ul>
    </>
  );
}

function Row({ job }: { job: Job }) {
  const isChosen = chosen.value === job;
  const { state } = job;
  const name = job.file.name;
  return (
    <li data-state={state.value} aria-current={isChosen ? "true" : undefined}>
      <button type="button" class="job" title={name} onClick={() => show(job)}>
        <span class="name">{name}</span>
        <span class="small quiet" role="status">
          {said(job)}
        </span>
      </button>
      <button
        type="button"
        class="button plain"
        onClick={() => (job.isOver.value ? remove(job) : job.cancel())}
        aria-label={job.isOver.value ? `Remove ${name}` : `Cancel ${name}`}
      >
        <Icon name="close" />
      </button>
      {state.value === "sending" && (
        <progress aria-label={`Upload of ${name}`} value={job.sent.value} max={1} />
      )}
      {state.value === "reading" && (
        <progress aria-label={`Reading of ${name}`} {...reading(job)} />
      )}
    </li>
  );
}

/** On a narrow screen the recording is below the list. */
function show(job: Job): void {
  choose(job);
  if (matchMedia("(max-width: 860px)").matches)
    requestAnimationFrame(() => document.querySelector(".job-view")?.scrollIntoView());
}

/** How much of the recording has become text, where its length is known. */
function reading(job: Job): { value?: number; max?: number } {
  const until = job.transcript.value.cues.at(-1)?.end ?? 0;
  return job.duration.value && until ? { value: until, max: job.duration.value } : {};
}

function said(job: Job): string {
  switch (job.state.value) {
    case "waiting":
      return "Waiting";
    case "sending":
      return `Uploading, ${Math.round(job.sent.value * 100)} %`;
    case "reading": {
      const until = job.transcript.value.cues.at(-1)?.end;
      if (until === undefined) return "Reading …";
      return `Read up to ${clock(until)}${job.duration.value ? ` of ${clock(job.duration.value)}` : ""}`;
    }
    case "done":
      return job.duration.value ? `Done, ${clock(job.duration.value)}` : "Done";
    case "failed":
      return job.problem.value?.title ?? "Failed";
    case "cancelled":
      return "Cancelled";
  }
}
