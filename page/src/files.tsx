// The view of recordings: where they come in, their list, and the one that is chosen.

import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";
import { JobView } from "./job-view";
import { JobList } from "./job-list";
import { add, chosen, jobs } from "./jobs";
import { OptionsPanel } from "./options";
import type { Problem } from "./problem";
import { ProblemCard } from "./problem-card";
import { RecordButton } from "./recorder";
import { BASE } from "./server";
import { ownProblem } from "./problem";

export function FilesView({ isShown }: { isShown: boolean }) {
  const isOver = useDrops(isShown);
  const job = chosen.value;
  const hasJobs = jobs.value.length > 0;
  return (
    <div class={hasJobs ? "files" : "files empty"} data-is-over={isOver}>
      <aside>
        <Intake isFirst={!hasJobs} />
        {isShown && <OptionsPanel />}
        <JobList />
      </aside>
      {job && <JobView key={job.id} job={job} />}
    </div>
  );
}

function Intake({ isFirst }: { isFirst: boolean }) {
  const picker = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const onPicked = (event: Event & { readonly currentTarget: HTMLInputElement }) => {
    add([...(event.currentTarget.files ?? [])]);
    event.currentTarget.value = "";
  };
  const sample = async () => {
    setProblem(null);
    try {
      const answer = await fetch(`${BASE}/page/sample.mp3`);
      add([new File([await answer.blob()], "John F. Kennedy, 1961.mp3", { type: "audio/mpeg" })]);
    } catch {
      setProblem(ownProblem("The sample could not be fetched", "The server cannot be reached."));
    }
  };
  return (
    <section class="intake card" aria-label="New recordings">
      {isFirst && (
        <>
          <div class="emblem" aria-hidden="true">
            <Icon name="upload" />
          </div>
          <h1>Drop a recording here</h1>
          <p class="quiet">
            Audio or video of any kind, several at once. It stays between this page and your server.
          </p>
        </>
      )}
      <div class="row">
        <button type="button" class="button strong" onClick={() => picker.current?.click()}>
          <Icon name="upload" /> Choose files
        </button>
        <input
          ref={picker}
          class="hidden"
          type="file"
          multiple
          tabIndex={-1}
          aria-label="Files to read"
          onChange={onPicked}
        />
        <RecordButton onProblem={setProblem} />
        <button type="button" class="button" onClick={() => void sample()}>
          <Icon name="sample" /> Sample
        </button>
      </div>
      {problem && <ProblemCard problem={problem} />}
    </section>
  );
}

/** Take files that are dropped anywhere or pasted; whether some are being held over the page. */
function useDrops(isShown: boolean): boolean {
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
    if (!isShown) return;
    const controller = new AbortController();
    const { signal } = controller;
    const take = (event: Event, files: FileList | undefined) => {
      if (!files?.length) return;
      event.preventDefault();
      add([...files]);
    };
    addEventListener(
      "dragover",
      (event) => {
        event.preventDefault();
        setIsOver(true);
      },
      { signal },
    );
    addEventListener(
      "dragleave",
      (event) => {
        if (event.relatedTarget === null) setIsOver(false);
      },
      { signal },
    );
    addEventListener(
      "drop",
      (event) => {
        event.preventDefault();
        setIsOver(false);
        take(event, event.dataTransfer?.files);
      },
      { signal },
    );
    addEventListener("paste", (event) => take(event, event.clipboardData?.files), { signal });
    return () => controller.abort();
  }, [isShown]);
  return isOver;
}
