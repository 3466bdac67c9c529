// A transcript to take home: as a file or on the clipboard; and the request as code.

import { useRef, useState } from "preact/hooks";
import { copied } from "./clipboard";
import { FORMATS, MEDIA_TYPES, written, type Format } from "./formats";
import { Icon } from "./icons";
import { codeFor, LANGUAGES_OF_CODE, type CodeLanguage, type Options } from "./request";
import { BASE, key } from "./server";
import { speakersOf, textOf, type Transcript } from "./transcript";

interface Props {
  readonly transcript: Transcript;
  /** Of the files, without what stands behind the dot. */
  readonly name: string;
  readonly language: string;
}

export function Downloads({ transcript, name, language }: Props) {
  const save = (format: Format) =>
    saved(written(format, transcript, language), MEDIA_TYPES[format], `${name}.${format}`);
  return (
    <div class="joined" role="group" aria-label="Download">
      {FORMATS.map((format) => (
        <button
          key={format}
          type="button"
          class="button"
          aria-label={`Download ${format}`}
          onClick={() => save(format)}
        >
          {format}
        </button>
      ))}
    </div>
  );
}

/** Give a text to the browser's downloads. */
export function saved(text: string, type: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A file's name without what stands behind its last dot. */
export const withoutSuffix = (name: string): string => name.replace(/\.[^.]*$/u, "");

export function CopyButton({ label, text }: { label: string; text: () => string }) {
  const [said, setSaid] = useState("Copy");
  const copy = async () => {
    setSaid((await copied(text())) ? "Copied" : "Not allowed");
    setTimeout(() => setSaid("Copy"), 2000);
  };
  return (
    <button type="button" class="button" onClick={() => void copy()} aria-label={label}>
      <Icon name={said === "Copied" ? "check" : "copy"} /> <span aria-live="polite">{said}</span>
    </button>
  );
}

/** A line for each cue, or for each time that another one speaks. */
export const plainText = (transcript: Transcript): string =>
  speakersOf(transcript).length
    ? written("txt", transcript, "").trimEnd()
    : transcript.cues.map(textOf).join("\n");

export function CodeButton({ file, options }: { file: string; options: Options }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [language, setLanguage] = useState<CodeLanguage>("curl");
  const code = codeFor(language, { base: BASE, file, options, hasKey: key.value !== "" });
  return (
    <>
      <button type="button" class="button" onClick={() => dialog.current?.showModal()}>
        <Icon name="code" /> Code
      </button>
      <dialog ref={dialog} class="dialog wide" aria-labelledby="code-title">
        <h2 id="code-title">The same request in code</h2>
        <div class="joined" role="group" aria-label="Language of the code">
          {LANGUAGES_OF_CODE.map((each) => (
            <button
              key={each}
              type="button"
              class="button"
              aria-pressed={each === language}
              onClick={() => setLanguage(each)}
            >
              {each}
            </button>
          ))}
        </div>
        <pre tabIndex={0} aria-label="Code">
          <code>{code}</code>
        </pre>
        <div class="row end">
          <CopyButton label="Copy the code" text={() => code} />
          <button type="button" class="button strong" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
      </dialog>
    </>
  );
}
