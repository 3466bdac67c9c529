// Jobs that the server keeps: how far each is, and what came of it.

import { useState } from "preact/hooks";
import { clock, FORMATS, MEDIA_TYPES, type Format } from "./formats";
import { Icon } from "./icons";
import { useLooks } from "./looking";
import { samples } from "./metrics";
import type { Problem } from "./problem";
import { ProblemCard } from "./problem-card";
import { saved, withoutSuffix } from "./saving";
import { REFRESH_MS, Refused } from "./server";
import {
  cancel,
  hasMore,
  isActive,
  look,
  more,
  remove,
  result,
  stored,
  type StoredJob,
} from "./stored-jobs";

const STATES = {
  queued: "Waiting",
  running: "Being read",
  completed: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
} as const;

/** Only where there are some: a server without them opens no folder for being asked. */
export function StoredJobs() {
  const areThere = (samples.value.at(-1)?.counts.storedJobs ?? 0) > 0;
  useLooks(look, REFRESH_MS, areThere);
  const page = stored.value;
  if (!areThere || !page?.data.length) return null;
  return (
    <section aria-labelledby="stored-title">
      <h2 id="stored-title">Jobs</h2>
      <ul class="card rows stored">
        {page.data.map((job) => (
          <Row key={job.id} job={job} />
        ))}
      </ul>
      {hasMore() && (
        <button type="button" class="button" onClick={() => void more().catch(() => undefined)}>
          Show more
        </button>
      )}
    </section>
  );
}

function Row({ job }: { job: StoredJob }) {
  const [isAsking, setIsAsking] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isSure, setIsSure] = useState(false);
  const title = job.name ?? job.source.name ?? job.id;
  const act = async (doing: () => Promise<void>) => {
    setIsAsking(true);
    setProblem(null);
    try {
      await doing();
    } catch (error) {
      if (error instanceof Refused) setProblem(error.problem);
    }
    setIsAsking(false);
  };
  const download = async (format: Format) =>
    saved(await result(job.id, format), MEDIA_TYPES[format], `${withoutSuffix(title)}.${format}`);
  return (
    <li data-state={job.status}>
      <div>
        <h3>{title}</h3>
        <p class="quiet small">{facts(job).join(" · ")}</p>
      </div>
      <div class="row">
        {job.status === "completed" && (
          <div class="joined" role="group" aria-label={`Result of ${title}`}>
            {FORMATS.map((format) => (
              <button
                key={format}
                type="button"
                class="button"
                disabled={isAsking}
                aria-label={`${format} of ${title}`}
                onClick={() => void act(() => download(format))}
              >
                {format}
              </button>
            ))}
          </div>
        )}
        {isActive(job) ? (
          <button
            type="button"
            class="button"
            disabled={isAsking}
            aria-label={`Cancel ${title}`}
            onClick={() => void act(() => cancel(job.id))}
          >
            <Icon name="close" /> Cancel
          </button>
        ) : (
          <button
            type="button"
            class={isSure ? "button danger" : "button plain"}
            disabled={isAsking}
            aria-label={isSure ? `Delete ${title} for good` : `Delete ${title}`}
            onBlur={() => setIsSure(false)}
            onClick={() => (isSure ? void act(() => remove(job.id)) : setIsSure(true))}
          >
            <Icon name="bin" /> {isSure && "Delete for good"}
          </button>
        )}
      </div>
      {job.status === "running" && (
        <progress aria-label={`Reading of ${title}`} {...progress(job)} />
      )}
      {job.error && <p class="small reason">{job.error.message}</p>}
      {problem && <ProblemCard problem={problem} />}
    </li>
  );
}

const progress = ({ progress: { processed_s, duration_s } }: StoredJob) =>
  duration_s ? { value: processed_s, max: duration_s } : {};

function facts({ status, progress: { processed_s, duration_s }, ...job }: StoredJob): string[] {
  const length = duration_s === null ? [] : [clock(duration_s)];
  const done = duration_s === null ? [] : [`${clock(processed_s)} of ${clock(duration_s)}`];
  return [
    STATES[status],
    ...(status === "running" || status === "cancelled" ? done : length),
    ...(job.task === "translate" ? ["to English"] : []),
    job.model,
    `made ${new Date(job.created_at * 1000).toLocaleString()}`,
  ];
}
