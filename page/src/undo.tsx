// To take back what was done to a text, and to do it after all.

import type { Signal } from "@preact/signals";
import { redone, undone, type History } from "./history";
import { Icon } from "./icons";

export function UndoButtons<T>({ history }: { history: Signal<History<T>> }) {
  const { past, future } = history.value;
  return (
    <span class="undo">
      <button
        type="button"
        class="button plain"
        aria-label="Undo"
        title="Undo"
        disabled={!past.length}
        onClick={() => (history.value = undone(history.value))}
      >
        <Icon name="undo" />
      </button>
      <button
        type="button"
        class="button plain"
        aria-label="Redo"
        title="Redo"
        disabled={!future.length}
        onClick={() => (history.value = redone(history.value))}
      >
        <Icon name="redo" />
      </button>
    </span>
  );
}
