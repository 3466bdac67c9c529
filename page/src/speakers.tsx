// Who speaks: names to be given, and two that are one to be made one.

import type { ComponentChildren } from "preact";
import { Icon } from "./icons";
import { nameOf, speakersOf, type Transcript } from "./transcript";

interface Props {
  readonly transcript: Transcript;
  readonly onRename: (speaker: string, name: string) => void;
  readonly onMerge: (speaker: string, into: string) => void;
  /** What else there is to do with them. */
  readonly children?: ComponentChildren;
}

export function Speakers({ transcript, onRename, onMerge, children }: Props) {
  const speakers = speakersOf(transcript);
  if (!speakers.length) return null;
  return (
    <div class="voices">
      <span class="quiet small">Who is who</span>
      <ul class="speakers" aria-label="Speakers">
        {speakers.map((speaker, i) => {
          const name = nameOf(transcript, speaker);
          const others = speakers.filter((other) => other !== speaker);
          return (
            <li key={speaker} class={`speaker-${i % 8}`}>
              <span class="dot" aria-hidden="true" />
              <input
                aria-label={`Name of speaker ${name}`}
                value={name}
                size={Math.max(name.length, 4)}
                onChange={(event) => onRename(speaker, event.currentTarget.value.trim() || speaker)}
              />
              {others.length > 0 && (
                <span class="merge" title={`${name} is the same as …`}>
                  <Icon name="merge" />
                  <select
                    aria-label={`Speaker ${name} is the same as`}
                    value=""
                    onChange={(event) => onMerge(speaker, event.currentTarget.value)}
                  >
                    <option value="">{`${name} is the same as …`}</option>
                    {others.map((other) => (
                      <option value={other}>{nameOf(transcript, other)}</option>
                    ))}
                  </select>
                </span>
              )}
            </li>
          );
        })}
      </ul>
      {children}
    </div>
  );
}
