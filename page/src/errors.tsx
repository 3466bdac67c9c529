// What went wrong lately: on the server, and on this page.

import { failures, look, type Failure } from "./failures";
import { useLooks } from "./looking";
import { REFRESH_MS } from "./server";

/** Lines that are shown before somebody wants more of them. */
const MAX_SHOWN = 8;

export function Errors() {
  useLooks(look, REFRESH_MS);
  const all = failures.value;
  return (
    <section aria-labelledby="errors-title">
      <h2 id="errors-title">Recent errors</h2>
      {all.length === 0 ? (
        <p class="quiet">
          None. Requests that fail are listed here, with the id by which the log names them.
        </p>
      ) : (
        <div class="card failures">
          <Lines of={all.slice(0, MAX_SHOWN)} />
          {all.length > MAX_SHOWN && (
            <details class="more">
              <summary>{all.length - MAX_SHOWN} earlier ones</summary>
              <Lines of={all.slice(MAX_SHOWN)} />
            </details>
          )}
        </div>
      )}
    </section>
  );
}

const Lines = ({ of }: { of: readonly Failure[] }) => (
  <ol class="rows">
    {of.map(({ at, title, status, detail, asked, id }) => (
      <li key={id ?? at.getTime()}>
        <p>
          <strong>{title}</strong>
          {status > 0 && <span class="badge">{status}</span>}
        </p>
        <time class="quiet small fixed" dateTime={at.toISOString()} title={at.toLocaleString()}>
          {at.toLocaleTimeString()}
        </time>
        <p class="small quiet about">
          {detail && <span>{detail}</span>}
          {asked.length > 0 && <span>{asked.join(" · ")}</span>}
          {id && <code>{id}</code>}
        </p>
      </li>
    ))}
  </ol>
);
