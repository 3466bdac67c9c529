// What went wrong since the page was opened.

import { problems } from "./server";

export function Errors() {
  return (
    <section aria-labelledby="errors-title">
      <h2 id="errors-title">Errors of this page</h2>
      {problems.value.length === 0 ? (
        <p class="quiet">None since it was opened.</p>
      ) : (
        <div class="card scrolling" tabIndex={0} role="region" aria-labelledby="errors-title">
          <table>
            <thead>
              <tr>
                <th>When</th>
                <th>What</th>
                <th>Said</th>
                <th>Request</th>
              </tr>
            </thead>
            <tbody>
              {problems.value.map((problem) => (
                <tr>
                  <td class="fixed">{problem.at.toLocaleTimeString()}</td>
                  <td>
                    {problem.title}
                    {problem.status ? ` (${problem.status})` : ""}
                  </td>
                  <td>{problem.detail}</td>
                  <td>
                    <code>{problem.requestId ?? "–"}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
