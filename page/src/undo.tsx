// To take back what was done to a text, and to do it after all.

import type { Signal } from "@preact/signals";
import { redone, undone, type History } from "./history";
import { Icon } from "./icons";

export function UndoButtons<T>({ history }: { history: Signal<History<T>> }) {
  const { past, future } = history.value;
  const buttons = [
    { label: "Undo", icon: "undo", steps: past, done: undone },
    { label: "Redo", icon: "redo", steps: future, done: redone },
  ] as const;
  return (
    <span class="undo">
      {buttons.map(({ label, icon, steps, done }) => (
        <button
          key={label}
          type="button"
          class="button plain"
          aria-label={label}
          title={label}
          disabled={!steps.length}
          onClick={() => (history.value = done(history.value))}
        >
          <Icon name={icon} />
        </button>
      ))}
    </span>
  );
}
