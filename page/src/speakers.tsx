// Who speaks in a recording: names to be given, and two that are one to be made one.

import type { Job } from "./job";
import { merged, nameOf, renamed, speakersOf } from "./transcript";

export function Speakers({ job }: { job: Job }) {
  const transcript = job.transcript.value;
  const speakers = speakersOf(transcript);
  if (!speakers.length) return null;
  return (
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
              size={Math.max(name.length, 6)}
              onChange={(event) =>
                job.change(
                  renamed(transcript, speaker, event.currentTarget.value.trim() || speaker),
                )
              }
            />
            {others.length > 0 && (
              <select
                aria-label={`Speaker ${name} is the same as`}
                value=""
                onChange={(event) =>
                  job.change(merged(transcript, speaker, event.currentTarget.value))
                }
              >
                <option value="">is the same as …</option>
                {others.map((other) => (
                  <option value={other}>{nameOf(transcript, other)}</option>
                ))}
              </select>
            )}
          </li>
        );
      })}
    </ul>
  );
}
