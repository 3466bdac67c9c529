// Speech to text while it is spoken.

import { useEffect, useRef } from "preact/hooks";
import { clock } from "./formats";
import { Icon } from "./icons";
import { options } from "./jobs";
import {
  kept,
  known,
  languages,
  latency,
  level,
  merge,
  problem,
  rename,
  sent,
  start,
  state,
  stop,
  toFiles,
  transcript,
  turns,
  voices,
} from "./live-session";
import { memo } from "./memo";
import { Meter } from "./meter";
import { device, devices, list } from "./microphone";
import { languageName, OptionsPanel } from "./options";
import { ProblemCard } from "./problem-card";
import { CopyButton, Downloads, plainText, withoutSuffix } from "./saving";
import { Speakers } from "./speakers";
import { UNSURE_BELOW, type Word } from "./transcript";
import { UndoButtons } from "./undo";
import { bySpeakers, startOf, type Turn } from "./turns";

const SAID = {
  idle: "Text appears while you speak.",
  starting: "Starting …",
  listening: "Listening",
  finishing: "Waiting for the last words …",
} as const;

export function LiveView({ isShown }: { isShown: boolean }) {
  useDevices();
  const spoken = turns.value.filter(({ words, tentative }) => words.length || tentative);
  return (
    <div class="files">
      <aside>
        <Controls />
        {isShown && <OptionsPanel isLive />}
      </aside>
      <section class="job-view live" aria-label="Live">
        {problem.value && (
          <ProblemCard problem={problem.value} onAgain={() => void start(options.value)} />
        )}
        {state.value === "idle" && spoken.length > 0 && <Saving />}
        <Speakers transcript={transcript.value} onRename={rename} onMerge={merge}>
          <UndoButtons history={known} />
        </Speakers>
        <div class="card text live-text" role="log" aria-label="What is said">
          {spoken.length ? (
            <ol class="cues">
              {spoken.map((turn, i) => (
                <Lines
                  key={turn.id}
                  turn={turn}
                  before={spoken[i - 1]?.words.at(-1)?.speaker}
                  names={voices.value}
                />
              ))}
            </ol>
          ) : (
            <Nothing />
          )}
          <Bottom />
        </div>
      </section>
    </div>
  );
}

const Nothing = () => (
  <div class="nothing">
    <Icon name="sample" />
    {state.value === "listening" ? (
      <p>Say something …</p>
    ) : (
      <>
        <p>What you say appears here</p>
        <p class="quiet small">
          Words that may still change are pale; the others stay as they are. When you stop, text and
          recording are among the files.
        </p>
      </>
    )}
  </div>
);

function Controls() {
  const isOn = state.value === "listening";
  const isBusy = state.value === "starting" || state.value === "finishing";
  return (
    <section class="card live-controls" aria-label="Microphone">
      <button
        type="button"
        class={isOn ? "button round big danger" : "button round big strong"}
        disabled={isBusy}
        aria-label={isOn ? "Stop listening" : "Start listening"}
        onClick={() => (isOn ? stop() : void start(options.value))}
      >
        <Icon name={isOn ? "stop" : "microphone"} />
      </button>
      <p role="status">{SAID[state.value]}</p>
      {isOn && (
        <>
          <Meter level={level} />
          <p class="small quiet fixed" title="How long after a word's end its text is certain">
            {[
              clock(sent.value),
              ...languages.value.map(languageName),
              ...(latency.value === null ? [] : [`${latency.value.toFixed(1)} s behind`]),
            ].join(" · ")}
          </p>
        </>
      )}
      <label class="field">
        <span>Microphone</span>
        <select
          value={device.value}
          disabled={state.value !== "idle"}
          onChange={(event) => (device.value = event.currentTarget.value)}
        >
          <option value="">System default</option>
          {devices.value.map(({ deviceId, label }) => (
            <option key={deviceId} value={deviceId}>
              {label || "A microphone"}
            </option>
          ))}
        </select>
      </label>
    </section>
  );
}

interface LinesProps {
  readonly turn: Turn;
  /** Who spoke last before it. */
  readonly before: string | undefined;
  readonly names: ReadonlyMap<string, string>;
}

/** A turn: a line for each time that another one speaks in it. */
const Lines = memo(({ turn, before, names }: LinesProps) => {
  const pieces = bySpeakers(turn);
  return (
    <>
      {(pieces.length ? pieces : [[]]).map((words, i) => (
        <Line
          key={i}
          words={words}
          names={names}
          isNew={words[0]?.speaker !== (pieces[i - 1]?.[0]?.speaker ?? before)}
          start={words[0]?.start ?? startOf(turn)}
          tentative={i + 1 < pieces.length ? "" : turn.tentative}
        />
      ))}
    </>
  );
});

interface LineProps {
  readonly words: readonly Word[];
  readonly names: ReadonlyMap<string, string>;
  /** Whether somebody else spoke before. */
  readonly isNew: boolean;
  readonly start: number;
  readonly tentative: string;
}

function Line({ words, names, isNew, start, tentative }: LineProps) {
  const speaker = words[0]?.speaker;
  const tone = speaker === undefined ? "" : ` speaker-${[...names.keys()].indexOf(speaker) % 8}`;
  return (
    <li class={`cue${tone}`}>
      <span class="stamp">{clock(start)}</span>
      <p dir="auto">
        {isNew && speaker !== undefined && <span class="who">{names.get(speaker)}</span>}
        {words.map(({ text, probability }, i) => {
          const shown = text.trimStart();
          const space = i ? text.slice(0, text.length - shown.length) : "";
          return (
            <>
              {space}
              <span class={probability < UNSURE_BELOW ? "unsure" : undefined}>{shown}</span>
            </>
          );
        })}
        {tentative && (
          <span class="tentative" aria-hidden="true">
            {words.length && !/^\s/u.test(tentative) ? " " : ""}
            {tentative}
          </span>
        )}
      </p>
    </li>
  );
}

function Saving() {
  return (
    <div class="row tools" role="toolbar" aria-label="Text">
      {kept.value && (
        <button type="button" class="button" onClick={toFiles}>
          <Icon name="edit" /> Listen and edit
        </button>
      )}
      <span class="space" />
      <CopyButton label="Copy the text" text={() => plainText(transcript.value)} />
      <Downloads
        transcript={transcript.value}
        name={withoutSuffix(kept.value?.file.name ?? "Live")}
        language={languages.value[0] ?? options.value.language}
      />
    </div>
  );
}

/** Keeps the newest words in view, unless somebody reads further up. */
function Bottom() {
  const mark = useRef<HTMLSpanElement>(null);
  const said = turns.value;
  useEffect(() => {
    const element = mark.current;
    if (!element || state.peek() !== "listening") return;
    const below = element.getBoundingClientRect().bottom - innerHeight;
    if (below > 0 && below < 200) element.scrollIntoView({ block: "end" });
  }, [said]);
  return <span ref={mark} />;
}

function useDevices(): void {
  useEffect(() => {
    void list();
    if (!("mediaDevices" in navigator)) return;
    const onChange = () => void list();
    navigator.mediaDevices.addEventListener("devicechange", onChange);
    return () => navigator.mediaDevices.removeEventListener("devicechange", onChange);
  }, []);
}
