// The view of recordings: where they come in, their list, and the one that is chosen.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { filesIn } from "./dropped";
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

/** Fingers hold no files. */
const CAN_DROP = matchMedia("(any-pointer: fine)").matches;

/** Whether files are being held over the page. */
const isHeld = signal(false);

/** Over all that is no place for files by its looks. */
export const Veil = ({ isNeeded }: { isNeeded: boolean }) =>
  isHeld.value && (isNeeded || jobs.value.length > 0) ? (
    <div class="veil">
      <span class="emblem">
        <Icon name="upload" />
      </span>
      Let go
    </div>
  ) : null;

export function FilesView({ isShown }: { isShown: boolean }) {
  useDrops();
  const isOver = isHeld.value;
  const job = chosen.value;
  const hasJobs = jobs.value.length > 0;
  return (
    <div class={hasJobs ? "files" : "files empty"} data-is-over={isOver}>
      <aside>
        <Intake isFirst={!hasJobs} isOver={isOver} />
        {isShown && <OptionsPanel />}
        <JobList />
      </aside>
      {job && <JobView key={job.id} job={job} />}
    </div>
  );
}

function Intake({ isFirst, isOver }: { isFirst: boolean; isOver: boolean }) {
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
          <h1>{isOver ? "Let go" : CAN_DROP ? "Drop a recording here" : "Choose a recording"}</h1>
          <p class="quiet">
            {CAN_DROP && "Or paste one. "}
            Audio or video of any kind, several at once{CAN_DROP && ", whole folders"}. It stays
            between this page and your server.
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
          <Icon name="sample" /> {isFirst ? "Try a sample" : "Sample"}
        </button>
      </div>
      {problem && <ProblemCard problem={problem} />}
    </section>
  );
}

/** Take files that are dropped anywhere or pasted, whichever view is shown: else the browser would
 * leave the page for them. */
function useDrops(): void {
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const take = (event: Event, data: DataTransfer | null) => {
      if (!data?.files.length) return;
      event.preventDefault();
      void filesIn(data).then((files) => {
        if (!files.length) return;
        location.hash = "files";
        add(files);
      });
    };
    const onOver = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      isHeld.value = true;
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) isHeld.value = false;
    };
    const onDrop = (event: DragEvent) => {
      isHeld.value = false;
      take(event, event.dataTransfer);
    };
    addEventListener("dragover", onOver, { signal });
    addEventListener("dragleave", onLeave, { signal });
    addEventListener("drop", onDrop, { signal });
    addEventListener("paste", (event) => take(event, event.clipboardData), { signal });
    return () => controller.abort();
  }, []);
}
