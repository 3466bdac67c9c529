// What went wrong, as it is shown.

import { Icon } from "./icons";
import type { Problem } from "./problem";

interface Props {
  readonly problem: Problem;
  readonly onAgain?: () => void;
}

export const ProblemCard = ({ problem, onAgain }: Props) => (
  <div class="card problem" role="alert">
    <Icon name="warning" />
    <div>
      <h3>{problem.title}</h3>
      <p>{problem.detail}</p>
      <p class="quiet small">
        {problem.retryAfter !== null && `Try again in ${Math.ceil(problem.retryAfter)} s. `}
        {problem.requestId !== null && (
          <>
            In the server's log: <code>{problem.requestId}</code>
          </>
        )}
      </p>
    </div>
    {onAgain && (
      <button type="button" class="button" onClick={onAgain}>
        <Icon name="again" /> Try again
      </button>
    )}
  </div>
);
