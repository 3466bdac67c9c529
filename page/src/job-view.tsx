// One recording: listen, read along, edit, and take the text home.

import { useEffect, useRef, useState } from "preact/hooks";
import { size } from "./downloads";
import { Editing } from "./editing";
import { clock } from "./formats";
import { Icon } from "./icons";
import type { Job } from "./job";
import { again, options } from "./jobs";
import { knowsOne, languageName } from "./options";
import { Player } from "./player";
import { seek, time, toggle } from "./playback";
import { isWorthAgain } from "./problem";
import { ProblemCard } from "./problem-card";
import { Reading } from "./reading";
import { CodeButton, CopyButton, Downloads, plainText, withoutSuffix } from "./saving";
import { models } from "./server";
import { Speakers } from "./speakers";
import { merged, renamed, wordAt } from "./transcript";
import { UndoButtons } from "./undo";

export function JobView({ job }: { job: Job }) {
  const [isEditing, setIsEditing] = useState(false);
  const section = useRef<HTMLElement>(null);
  useKeys(job, section);
  const hasText = job.transcript.value.cues.length > 0;
  const isDone = job.state.value === "done";
  const isEdited = job.history.value.past.length > 0;
  const problem = job.problem.value;
  const onAgain = problem && isWorthAgain(problem) ? { onAgain: () => again(job) } : {};
  return (
    <section ref={section} class="job-view" aria-label={job.file.name}>
      <header>
        <div>
          <h1 class="title" title={job.file.name}>
            {job.file.name}
          </h1>
          <p class="quiet small">{facts(job).join(" · ")}</p>
        </div>
        <div class="row">
          <CodeButton file={job.file.name} options={job.options} />
          {job.isOver.value && !problem && <AgainButton job={job} />}
        </div>
      </header>
      <Player job={job} />
      {problem && <ProblemCard problem={problem} {...onAgain} />}
      {job.warnings.value.map((warning) => (
        <p class="card note" key={warning}>
          {warning}
        </p>
      ))}
      <Speakers
        transcript={job.transcript.value}
        onRename={(speaker, name) => job.change(renamed(job.transcript.value, speaker, name))}
        onMerge={(speaker, into) => job.change(merged(job.transcript.value, speaker, into))}
      />
      {(hasText || isEdited) && job.isOver.value && (
        <Tools job={job} isEditing={isEditing} onEditing={setIsEditing} />
      )}
      {(hasText || isDone || !job.isOver.value) && (
        <div class="card text" aria-busy={!job.isOver.value}>
          {isEditing ? <Editing job={job} /> : <Reading job={job} />}
          {!job.isOver.value && (
            <p class="quiet waiting">
              {hasText ? "" : "The text appears here while it is recognised"}
              <i />
            </p>
          )}
          {isDone && !hasText && (
            <p class="quiet">
              {isEdited ? "All of the text was deleted." : "Nobody speaks in this recording."}
            </p>
          )}
        </div>
      )}
      {isDone && hasText && !isEditing && (
        <p class="quiet small hint">
          Click a word to hear it; the arrow keys go from word to word, and space plays. The model
          was unsure of words that are <span class="word unsure">underlined</span>.
        </p>
      )}
    </section>
  );
}

/** It stands out where it would be read otherwise than it was. */
function AgainButton({ job }: { job: Job }) {
  const isSame = JSON.stringify(job.options) === JSON.stringify(options.value);
  return (
    <button
      type="button"
      class={isSame ? "button" : "button strong"}
      title={isSame ? undefined : "With the options as they are now"}
      onClick={() => again(job)}
    >
      <Icon name="again" /> Read again
    </button>
  );
}

interface ToolsProps {
  readonly job: Job;
  readonly isEditing: boolean;
  readonly onEditing: (isEditing: boolean) => void;
}

function Tools({ job, isEditing, onEditing }: ToolsProps) {
  const transcript = job.transcript.value;
  const name = withoutSuffix(job.file.name);
  return (
    <div class="row tools" role="toolbar" aria-label="Text">
      <button
        type="button"
        class="button"
        aria-pressed={isEditing}
        onClick={() => onEditing(!isEditing)}
      >
        <Icon name={isEditing ? "check" : "edit"} /> Edit
      </button>
      <UndoButtons history={job.history} />
      <span class="space" />
      <CopyButton label="Copy the text" text={() => plainText(transcript)} />
      <Downloads
        transcript={transcript}
        name={name}
        language={job.languages.value[0] ?? job.options.language}
      />
    </div>
  );
}

function facts(job: Job): string[] {
  const { model, task, language } = job.options;
  const spoken = job.languages.value.map(languageName).join(", ");
  const isDetected = !language && !knowsOne(models.value, model);
  return [
    ...(job.duration.value ? [clock(job.duration.value)] : []),
    ...(spoken ? [isDetected ? `${spoken}, detected` : spoken] : []),
    ...(task === "translate" ? ["translated to English"] : []),
    ...(model === "whisper-1" ? [] : [model]),
    size(job.file.size),
  ];
}

/** Space plays, the arrows go from word to word, and Ctrl+Z takes back: where nobody writes. */
function useKeys(job: Job, section: { readonly current: HTMLElement | null }): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isIn = (selector: string) => (event.target as Element).closest(selector) !== null;
      if (!section.current?.checkVisibility() || isIn("input, textarea, select, dialog")) return;
      const isCommand = event.ctrlKey || event.metaKey;
      if (isCommand && event.key.toLowerCase() === "z") event.shiftKey ? job.redo() : job.undo();
      else if (isCommand || isIn("button, a, summary, pre")) return;
      else if (event.key === " ") toggle();
      else if (event.key === "ArrowRight") step(job, 1);
      else if (event.key === "ArrowLeft") step(job, -1);
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [job]);
}

function step(job: Job, by: number): void {
  const words = job.transcript.value.cues.flatMap((cue) => cue.words);
  const next = words[Math.max(0, wordAt(words, time.value) + by)];
  if (next) seek(next.start);
}
