// The text to be edited: each cue's words and times, and who says it.

import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { clock, parsedClock } from "./formats";
import { Icon } from "./icons";
import type { Job } from "./job";
import { memo } from "./memo";
import { play, time } from "./playback";
import {
  nameOf,
  retimed,
  retold,
  speakersOf,
  textOf,
  withCue,
  withoutCue,
  type Cue,
} from "./transcript";

/** About how many fit beside each other, for browsers that do not fit a field to its text. */
const LINE_CHARS = 70;

export function Editing({ job }: { job: Job }) {
  const list = useRef<HTMLOListElement>(null);
  usePlayedCue(job, list);
  const transcript = job.transcript.value;
  return (
    <ol ref={list} class="cues editing" aria-label="Transcript, to be edited">
      {transcript.cues.map((cue) => (
        <Line key={cue.id} job={job} cue={cue} names={transcript.names} />
      ))}
    </ol>
  );
}

/** Mark the cue that is being played; not through the tree, as for words. */
function usePlayedCue(job: Job, list: { readonly current: HTMLElement | null }): void {
  const marked = useRef<Element | null>(null);
  useSignalEffect(() => {
    const now = time.value;
    const at = job.transcript.value.cues.findIndex(({ start, end }) => start <= now && now < end);
    const found = (now > 0 && list.current?.children[at]) || null;
    if (found === marked.current) return;
    marked.current?.classList.remove("now");
    found?.classList.add("now");
    marked.current = found;
  });
}

interface LineProps {
  readonly job: Job;
  readonly cue: Cue;
  /** So that a line is drawn anew when a speaker gets another name. */
  readonly names: object;
}

const Line = memo(({ job, cue }: LineProps) => {
  const at = clock(cue.start);
  const onText = (event: Event & { readonly currentTarget: HTMLTextAreaElement }) => {
    const text = event.currentTarget.value.trim();
    if (text === textOf(cue)) return;
    const transcript = job.transcript.value;
    job.change(text ? withCue(transcript, retold(cue, text)) : withoutCue(transcript, cue.id));
  };
  const setTimes = (start: number, end: number) => {
    const until = job.duration.value || Infinity;
    job.change(retimed(job.transcript.value, cue, [start, end], until));
  };
  const remove = () => job.change(withoutCue(job.transcript.value, cue.id));
  return (
    <li id={`cue-${cue.id}`} class="cue">
      <button
        type="button"
        class="button plain"
        aria-label={`Play the cue at ${at}`}
        onClick={() => play(cue.start, cue.end)}
      >
        <Icon name="play" />
      </button>
      <div class="cue-head">
        <Time
          label={`Begin of the cue at ${at}`}
          value={cue.start}
          onChange={(start) => setTimes(start, cue.end)}
        />
        <span aria-hidden="true">–</span>
        <Time
          label={`End of the cue at ${at}`}
          value={cue.end}
          onChange={(end) => setTimes(cue.start, end)}
        />
        <Speaker job={job} cue={cue} />
      </div>
      <button
        type="button"
        class="button plain"
        aria-label={`Delete the cue at ${at}`}
        onClick={remove}
      >
        <Icon name="bin" />
      </button>
      <textarea
        aria-label={`Text of the cue at ${at}`}
        rows={Math.ceil((textOf(cue).length + 1) / LINE_CHARS)}
        dir="auto"
        value={textOf(cue)}
        onChange={onText}
      />
    </li>
  );
});

interface TimeProps {
  readonly label: string;
  readonly value: number;
  readonly onChange: (seconds: number) => void;
}

function Time({ label, value, onChange }: TimeProps) {
  const onInput = (event: Event & { readonly currentTarget: HTMLInputElement }) => {
    const field = event.currentTarget;
    const seconds = parsedClock(field.value);
    field.setCustomValidity(seconds === null ? "A time such as 1:23.4" : "");
    if (seconds === null) field.reportValidity();
    else onChange(seconds);
  };
  return (
    <input
      class="time"
      aria-label={label}
      inputMode="decimal"
      value={clock(value, 2)}
      onChange={onInput}
    />
  );
}

function Speaker({ job, cue }: { job: Job; cue: Cue }) {
  const transcript = job.transcript.value;
  const speakers = speakersOf(transcript);
  if (speakers.length < 2) return null;
  return (
    <select
      aria-label={`Speaker of the cue at ${clock(cue.start)}`}
      value={cue.speaker ?? ""}
      onChange={(event) =>
        job.change(withCue(transcript, { ...cue, speaker: event.currentTarget.value || null }))
      }
    >
      <option value="">Nobody</option>
      {speakers.map((speaker) => (
        <option value={speaker}>{nameOf(transcript, speaker)}</option>
      ))}
    </select>
  );
}
