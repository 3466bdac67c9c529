// The text to read along: the word being said is marked, and a word that is clicked is played.

import { useSignalEffect } from "@preact/signals";
import { memo } from "./memo";
import { useRef } from "preact/hooks";
import { clock } from "./formats";
import type { Job } from "./job";
import { isPlaying, seek, time } from "./playback";
import { nameOf, speakersOf, UNSURE_BELOW, wordAt, type Cue, type Word } from "./transcript";

/** How long after a word's end it is still marked, seconds: pauses within speech are shorter. */
const LINGER_S = 0.5;

export function Reading({ job }: { job: Job }) {
  const list = useRef<HTMLOListElement>(null);
  useSpokenWord(job, list);
  const transcript = job.transcript.value;
  const speakers = speakersOf(transcript);
  return (
    <ol ref={list} class="cues" aria-label="Transcript" onClick={onClick}>
      {transcript.cues.map((cue, i) => {
        const isNew = cue.speaker !== null && cue.speaker !== transcript.cues[i - 1]?.speaker;
        const speaker = isNew && cue.speaker !== null ? nameOf(transcript, cue.speaker) : "";
        return (
          <Line
            key={cue.id}
            cue={cue}
            speaker={speaker}
            tone={speakers.indexOf(cue.speaker ?? "")}
          />
        );
      })}
    </ol>
  );
}

function onClick(event: MouseEvent): void {
  const { start } = (event.target as HTMLElement).dataset;
  if (start !== undefined) seek(Number(start));
}

interface LineProps {
  readonly cue: Cue;
  readonly speaker: string;
  readonly tone: number;
}

const Line = memo(({ cue, speaker, tone }: LineProps) => (
  <li id={`cue-${cue.id}`} class={tone < 0 ? "cue" : `cue speaker-${tone % 8}`}>
    <button
      type="button"
      class="stamp"
      data-start={cue.start}
      aria-label={`Play from ${clock(cue.start)}`}
    >
      {clock(cue.start)}
    </button>
    <p dir="auto">
      {speaker && <span class="who">{speaker}</span>}
      {cue.words.map((word) => (
        <Spoken word={word} />
      ))}
    </p>
  </li>
));

const Spoken = ({ word }: { word: Word }) => {
  const shown = word.text.trimStart();
  const space = word.text.slice(0, word.text.length - shown.length);
  const isUnsure = word.probability < UNSURE_BELOW;
  const title = isUnsure
    ? `The model was unsure here: ${Math.round(word.probability * 100)} %`
    : undefined;
  return (
    <>
      {space}
      <span class={isUnsure ? "word unsure" : "word"} data-start={word.start} title={title}>
        {shown}
      </span>
    </>
  );
};

/** Mark the word that is being said. Not through the tree: this happens many times a second. */
function useSpokenWord(job: Job, list: { readonly current: HTMLElement | null }): void {
  const marked = useRef<Element | null>(null);
  useSignalEffect(() => {
    const now = time.value;
    const found = spoken(job.transcript.value.cues, now, list.current);
    if (found === marked.current) return;
    marked.current?.classList.remove("now");
    found?.classList.add("now");
    marked.current = found;
    if (found && isPlaying.peek()) keepInView(found);
  });
}

function spoken(cues: readonly Cue[], now: number, list: HTMLElement | null): Element | null {
  const words = cues.flatMap((cue) => cue.words);
  const at = wordAt(words, now);
  const word = words[at];
  if (!word || now > word.end + LINGER_S || now === 0) return null;
  return list?.getElementsByClassName("word")[at] ?? null;
}

function keepInView(element: Element): void {
  const { top, bottom } = element.getBoundingClientRect();
  if (top > 80 && bottom < innerHeight - 60) return;
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "center", behavior: isCalm ? "auto" : "smooth" });
}
