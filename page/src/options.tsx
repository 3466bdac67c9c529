// How the next recordings are to be read: model, language, translation and guidance.

import { models, type Model } from "./server";
import { options } from "./jobs";
import type { Options } from "./request";

const names = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });

/** Those that browsers have no names for. */
const RARE: Readonly<Record<string, string>> = { ba: "Bashkir", bo: "Tibetan" };

/** What a language is called, by its code. */
export function languageName(code: string): string {
  try {
    return RARE[code] ?? names.of(code) ?? code;
  } catch {
    return code; // not one that the browser has heard of
  }
}

const set = (changes: Partial<Options>): void => {
  options.value = { ...options.value, ...changes };
};

/** Models by their own names; the first is the one that the server was started with. */
export const ownModels = (all: readonly Model[]): Model[] =>
  all.filter(({ id, root }) => id === root);

function languagesOf(all: readonly Model[], model: string): string[] {
  const meant = all.find(({ id }) => id === model) ?? all[0];
  const codes = meant?.languages ?? all[0]?.languages ?? ["en"];
  return [...codes].sort((a, b) => languageName(a).localeCompare(languageName(b)));
}

/** Whether there is nothing to detect: a model is known to know one language. */
export const knowsOne = (all: readonly Model[], model: string): boolean =>
  all.length > 0 && languagesOf(all, model).length === 1;

/** With another model: without what that does not know. */
function setModel(all: readonly Model[], model: string): void {
  const codes = languagesOf(all, model);
  const { language, task } = options.value;
  set({
    model,
    language: codes.length > 1 && codes.includes(language) ? language : "",
    task: codes.length > 1 ? task : "transcribe",
  });
}

/** Of a stream there is no translation. */
export function OptionsPanel({ isLive = false }: { isLive?: boolean }) {
  const all = models.value;
  const now = options.value;
  const own = ownModels(all);
  const languages = languagesOf(all, now.model);
  const isMultilingual = languages.length > 1;
  const isDetected = !knowsOne(all, now.model);
  return (
    <form
      class="options"
      aria-label="How recordings are read"
      onSubmit={(event) => event.preventDefault()}
    >
      <div class="field">
        <span class="row">
          <label for="model">Model</label>
          <a href="#models">More models</a>
        </span>
        <select
          id="model"
          value={now.model}
          onChange={(event) => setModel(all, event.currentTarget.value)}
        >
          {own.map((model, i) => (
            <option key={model.id} value={i ? model.id : "whisper-1"}>
              {i
                ? `${model.id}${model.state === "ready" ? "" : " (not loaded)"}`
                : `${model.id} (default)`}
            </option>
          ))}
          {!own.length && <option value="whisper-1">Default</option>}
        </select>
      </div>
      <label class="field">
        <span>Language</span>
        <select
          value={now.language}
          onChange={(event) => set({ language: event.currentTarget.value })}
        >
          <option value="">{isDetected ? "Detect" : languages.map(languageName)}</option>
          {isDetected &&
            languages.map((code) => (
              <option key={code} value={code}>
                {languageName(code)}
              </option>
            ))}
        </select>
      </label>
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          checked={now.speakers}
          onChange={(event) => set({ speakers: event.currentTarget.checked })}
        />
        <span>Tell speakers apart</span>
      </label>
      {!isLive && (
        <label class="switch" title={isMultilingual ? undefined : "This model knows English alone"}>
          <input
            type="checkbox"
            role="switch"
            checked={now.task === "translate"}
            disabled={!isMultilingual}
            onChange={(event) =>
              set({ task: event.currentTarget.checked ? "translate" : "transcribe" })
            }
          />
          <span>Translate to English</span>
        </label>
      )}
      <details class="guidance">
        <summary>Names and style</summary>
        <label class="field">
          <span>Names and terms, with commas between</span>
          <input
            value={now.keywords}
            placeholder="Auricle, Silero"
            onInput={(event) => set({ keywords: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          <span>Text the recording might follow</span>
          <textarea
            rows={2}
            value={now.prompt}
            onInput={(event) => set({ prompt: event.currentTarget.value })}
          />
        </label>
      </details>
    </form>
  );
}
