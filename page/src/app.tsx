// The page: its three views, what stands above them, and the question for a key.

import { render } from "preact";
import { effect, signal } from "@preact/signals";
import { FilesView, Veil } from "./files";
import { KeyButton, KeyDialog } from "./key";
import { isUnsaved, jobs } from "./jobs";
import { LiveView } from "./live";
import { state as live } from "./live-session";
import { health, watch } from "./server";
import { ServerView } from "./server-view";

const VIEWS = { files: "Files", live: "Live", server: "Server" } as const;
type View = keyof typeof VIEWS;

/** `#models` is a place in the view of the server. */
const named = (): View => {
  const name = location.hash.slice(1);
  if (name === "models") return "server";
  return name in VIEWS ? (name as View) : "files";
};
const view = signal<View>(named());
/** How far down each view was when it was left. */
const heights = new Map<View, number>();
addEventListener("hashchange", () => {
  const next = named();
  if (next === view.value) return;
  heights.set(view.value, scrollY);
  view.value = next;
  if (location.hash !== "#models") requestAnimationFrame(() => scrollTo(0, heights.get(next) ?? 0));
});

function Status() {
  const state = health.value;
  if (state === undefined) return <p class="status" />;
  const words = {
    ok: "Ready",
    starting: "Starting",
    failed: "Model failed",
    stopping: "Stopping",
    gone: "No connection",
  }[state?.status ?? "gone"];
  return (
    <p class="status" role="status" data-state={state?.status ?? "gone"}>
      <span class="dot" aria-hidden="true" />
      <span>{words}</span>
      {state && <span class="quiet only-wide">{state.model}</span>}
    </p>
  );
}

function Page() {
  return (
    <>
      <header class="top">
        <a class="brand" href="#files" aria-label="Auricle, to the files">
          <img src="page/icon.svg" alt="" width="26" height="26" />
          <span class="only-wide">Auricle</span>
        </a>
        <nav aria-label="Views">
          {Object.entries(VIEWS).map(([name, title]) => (
            <a key={name} href={`#${name}`} aria-current={view.value === name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <Status />
        <KeyButton />
      </header>
      {health.value === null && (
        <p class="banner" role="alert">
          The server cannot be reached. What is here stays; this line goes when the server is back.
        </p>
      )}
      <main>
        {/* Views keep what goes on in them while another is shown. */}
        <div hidden={view.value !== "files"}>
          <FilesView isShown={view.value === "files"} />
        </div>
        <div hidden={view.value !== "live"}>
          <LiveView isShown={view.value === "live"} />
        </div>
        {view.value === "server" && <ServerView />}
      </main>
      <KeyDialog />
      <Veil isNeeded={view.value !== "files"} />
    </>
  );
}

// For whoever looks at another tab meanwhile
effect(() => {
  const left = jobs.value.filter(({ isOver }) => !isOver.value).length;
  const now = live.value === "listening" ? "● " : left ? `${left} to go · ` : "";
  document.title = `${now}Auricle`;
});

addEventListener("beforeunload", (event) => {
  if (isUnsaved() || live.value !== "idle") event.preventDefault();
});

const root = document.querySelector("#page");
if (root) {
  root.replaceChildren();
  render(<Page />, root);
  watch();
}
