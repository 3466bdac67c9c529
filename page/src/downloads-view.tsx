// Models that are not on the server's machine yet: what each is good for, and getting it.

import { useEffect, useRef, useState } from "preact/hooks";
import { areComing, cancel, list, look, memory, size, start, type Download } from "./downloads";
import { Icon } from "./icons";
import { useLooks } from "./looking";
import type { Problem } from "./problem";
import { ProblemCard } from "./problem-card";
import { Refused } from "./server";

const LOOK_MS = 1000;
const IDLE_MS = 10_000;

/** What people can expect, by the first part of a name. */
const GOOD_FOR: Readonly<Record<string, string>> = {
  tiny: "the fastest, for clear speech",
  base: "fast, for clear speech",
  small: "a good middle",
  medium: "accurate, and slow without a GPU",
  large: "the most accurate, and the slowest",
  "large-v1": "older than large-v3",
  "large-v2": "older than large-v3",
  "large-v3-turbo": "nearly as accurate as large-v3, and much faster",
  speakers: "tells speakers apart",
  turns: "tells when somebody has finished, in live streams",
};

export function Downloads() {
  useLooks(look, areComing.value ? LOOK_MS : IDLE_MS); // often while something comes
  const details = useRef<HTMLDetailsElement>(null);
  const known = list.value;
  useEffect(() => {
    if (location.hash === "#models") details.current?.scrollIntoView({ block: "start" });
  }, [known !== null]);
  if (known === null) return null;
  const missing = known.data.filter(({ state }) => state !== "here");
  const shown = missing.filter(({ state }) => state !== "absent");
  const rest = missing.filter(({ state }) => state === "absent");
  if (!missing.length) return <p class="quiet">All known models are on this machine.</p>;
  return (
    <div class="downloads">
      {shown.length > 0 && <Rows of={shown} />}
      <details class="card more" ref={details} open={location.hash === "#models"}>
        <summary>
          {rest.length} more {rest.length === 1 ? "model" : "models"} to download
        </summary>
        {known.refusal && <p class="quiet note-line">{known.refusal}</p>}
        <Rows of={rest} canStart={known.refusal === null} />
      </details>
    </div>
  );
}

const Rows = ({ of, canStart = true }: { of: readonly Download[]; canStart?: boolean }) => (
  <ul class="rows">
    {of.map((each) => (
      <Row key={each.id} download={each} canStart={canStart} />
    ))}
  </ul>
);

function Row({ download, canStart }: { download: Download; canStart: boolean }) {
  const [isAsking, setIsAsking] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { id, state } = download;
  const isComing = state === "downloading";
  const act = async () => {
    setIsAsking(true);
    setProblem(null);
    try {
      await (isComing ? cancel(id) : start(id));
    } catch (error) {
      if (error instanceof Refused) setProblem(error.problem);
    }
    setIsAsking(false);
  };
  return (
    <li data-state={state} class={isComing || state === "failed" ? "card" : undefined}>
      <div>
        <h3>{id}</h3>
        <p class="quiet small">{facts(download).join(" · ")}</p>
      </div>
      {canStart && (
        <button
          type="button"
          class="button"
          disabled={isAsking}
          onClick={() => void act()}
          aria-label={isComing ? `Cancel the download of ${id}` : `Download ${id}`}
        >
          <Icon name={isComing ? "close" : "download"} /> {isComing ? "Cancel" : "Download"}
        </button>
      )}
      {isComing && (
        <progress aria-label={`Download of ${id}`} {...progress(download)} max={download.bytes} />
      )}
      {state === "failed" && download.reason && <p class="small reason">{download.reason}</p>}
      {problem && <ProblemCard problem={problem} />}
    </li>
  );
}

/** Without a value before the first bytes, and where the model is only a part of what comes. */
const progress = ({ received_bytes, bytes }: Download): { value?: number } =>
  received_bytes && received_bytes < bytes ? { value: received_bytes } : {};

function facts(download: Download): string[] {
  const { state, bytes, received_bytes, languages, translates, fits } = download;
  if (state === "downloading") {
    const share = Math.floor((100 * received_bytes) / bytes);
    if (share > 100) return [`${size(received_bytes)} of the package it is in`];
    return [`${size(received_bytes)} of ${size(bytes)}, ${share} %`];
  }
  const needs = download.memory_mb && `takes ${memory(download.memory_mb)} of memory`;
  return [
    goodFor(download),
    size(bytes),
    ...(languages === null ? [] : [languages === 1 ? "English" : `${languages} languages`]),
    ...(translates ? ["translates"] : []),
    ...(needs ? [fits === false ? `${needs}, too much for this machine` : needs] : []),
    ...(state === "cancelled" ? ["cancelled"] : []),
    ...(state === "failed" ? ["could not be downloaded"] : []),
  ];
}

function goodFor({ id }: Download): string {
  if (id.startsWith("distil-")) return `smaller and faster than ${id.slice("distil-".length)}`;
  return GOOD_FOR[id] ?? GOOD_FOR[/^[a-z]+/u.exec(id)?.[0] ?? ""] ?? "";
}
