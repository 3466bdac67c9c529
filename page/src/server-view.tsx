// How the server is: its models, what it has to do, and what went wrong.

import { useEffect, useState } from "preact/hooks";
import { list, memory, size } from "./downloads";
import { Downloads } from "./downloads-view";
import { Errors } from "./errors";
import { MachinePanel } from "./machine";
import { between, countsIn, keep, latency, samples, throughput } from "./metrics";
import { languageName, ownModels } from "./options";
import { Plot } from "./plot";
import {
  ask,
  askText,
  BASE,
  health,
  isLocked,
  models,
  refresh,
  Refused,
  REFRESH_MS,
  type Model,
} from "./server";
import type { Problem } from "./problem";
import { ProblemCard } from "./problem-card";
import { StoredJobs } from "./stored-jobs-view";

const STATES = {
  ready: "Loaded",
  unloaded: "Not loaded",
  loading: "Loading",
  unloading: "Unloading",
  failed: "Failed",
} as const;

/** Curves fill their width from this many samples on: half a minute. */
const MIN_ROOM = 10;

export function ServerView() {
  return (
    <div class="server">
      <header class="row">
        <h1>Server</h1>
        <p class="quiet">{`Auricle ${health.value?.version ?? ""} at ${new URL(BASE).host}`}</p>
        <span class="space" />
        <a class="button" href={`${BASE}/docs`}>
          API reference
        </a>
      </header>
      {health.value?.reason && (
        <p class="card note" role="alert">
          {health.value.reason}
        </p>
      )}
      {isLocked.value ? <Locked /> : <Insides />}
    </div>
  );
}

/** What nobody sees without a key. */
const Locked = () => (
  <p class="card note">Models, load and errors are shown to those who have a key.</p>
);

function Insides() {
  useMetrics();
  const own = ownModels(models.value);
  return (
    <>
      <Plots />
      <StoredJobs />
      <section aria-labelledby="models-title">
        <h2 id="models-title">Models</h2>
        <ul class="models">
          {own.map((model, i) => (
            <ModelCard key={model.id} model={model} isDefault={i === 0} />
          ))}
        </ul>
        {!own.length && <p class="quiet">The list has not come yet.</p>}
        <Downloads />
      </section>
      <MachinePanel />
      <Errors />
    </>
  );
}

function Plots() {
  const all = samples.value;
  if (!all.length) return null;
  const counts = all.map((sample) => sample.counts);
  const room = Math.max(MIN_ROOM, all.length);
  return (
    <section class="plots" aria-label="The last three minutes">
      <Plot
        title="Requests"
        unit="in work or waiting"
        decimals={0}
        room={room}
        values={counts.map(({ inFlight }) => inFlight)}
      />
      <Plot
        title="Queued work"
        unit="s"
        decimals={0}
        room={room}
        values={counts.map(({ backlog_s }) => backlog_s)}
      />
      <Plot title="Throughput" unit="× real time" room={room} values={between(all, throughput)} />
      <Plot
        title="Time per answer"
        unit="s"
        decimals={2}
        room={room}
        values={between(all, latency)}
      />
    </section>
  );
}

/** Read the server's counts while this is shown. */
function useMetrics(): void {
  useEffect(() => {
    const tick = async () => {
      if (document.hidden || isLocked.value) return;
      try {
        keep({ at: Date.now(), counts: countsIn(await askText("metrics")) });
      } catch {
        // The state of the connection is shown above the views.
      }
      await refresh(); // not at the same time: it would be counted
    };
    void tick();
    const ticking = setInterval(() => void tick(), REFRESH_MS);
    return () => clearInterval(ticking);
  }, []);
}

function ModelCard({ model, isDefault }: { model: Model; isDefault: boolean }) {
  const [isAsking, setIsAsking] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const act = async (what: "load" | "unload") => {
    setIsAsking(true);
    setProblem(null);
    try {
      await ask(`v1/models/${encodeURIComponent(model.id)}/${what}`, { method: "POST" });
    } catch (error) {
      if (error instanceof Refused) setProblem(error.problem);
    }
    await refresh();
    setIsAsking(false);
  };
  const isLoaded = model.state === "ready";
  const isBusy = isAsking || model.state === "loading" || model.state === "unloading";
  return (
    <li class="card model" data-state={model.state}>
      <div class="row">
        <span class="dot" aria-hidden="true" />
        <h3>{model.id}</h3>
        {isDefault && <span class="badge">default</span>}
        <span class="space" />
        <button
          type="button"
          class="button"
          disabled={isBusy}
          onClick={() => void act(isLoaded ? "unload" : "load")}
          aria-label={`${isLoaded ? "Unload" : "Load"} ${model.id}`}
        >
          {isLoaded ? "Unload" : "Load"}
        </button>
      </div>
      <p class="quiet small">{facts(model).join(" · ")}</p>
      {model.reason && <p class="small reason">{model.reason}</p>}
      {isBusy && <progress aria-label={`${STATES[model.state]}: ${model.id}`} />}
      {problem && <ProblemCard problem={problem} />}
    </li>
  );
}

function facts(model: Model): string[] {
  const { requests, windows } = model.queue;
  const [only, ...more] = model.languages ?? [];
  const file = list.value?.data.find(({ id }) => id === model.id);
  const known = file?.languages && file.languages > 1 ? [`${file.languages} languages`] : [];
  return [
    STATES[model.state],
    ...(model.memory_mb ? [memory(model.memory_mb)] : []),
    ...(model.device ? [[model.device, model.compute_type].filter(Boolean).join(", ")] : []),
    ...(only
      ? [more.length ? `${more.length + 1} languages` : `${languageName(only)} only`]
      : known),
    ...(file && !model.memory_mb ? [size(file.bytes)] : []),
    ...(requests || windows
      ? [`${several(requests, "request")}, ${several(windows, "window")} queued`]
      : []),
  ];
}

const several = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
