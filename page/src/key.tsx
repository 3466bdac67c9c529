// The question for a key, when the server wants one.

import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";
import { retryRefused } from "./jobs";
import { isLocked, key, refresh, useKey, wantsKey } from "./server";

/** For whoever did not want to give one at first. */
export const KeyButton = () =>
  isLocked.value ? (
    <button type="button" class="button strong" onClick={() => (wantsKey.value = true)}>
      <Icon name="key" /> Enter key
    </button>
  ) : null;

export function KeyDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const isOpen = wantsKey.value;
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    if (!isOpen) dialog.current?.close();
  }, [isOpen]);

  const submit = async (event: Event) => {
    event.preventDefault();
    useKey(field.current?.value.trim() ?? "");
    await refresh();
    if (isLocked.value) field.current?.select();
    else retryRefused();
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="key-title"
      onCancel={() => (wantsKey.value = false)}
    >
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="key-title">{key.value ? "That key is not right" : "This server wants a key"}</h2>
        <p class="quiet">
          Its operator gives them out. The key is kept until this tab is closed, and sent to this
          server only.
        </p>
        <label class="field">
          <span>Key</span>
          <input ref={field} type="password" autocomplete="off" spellcheck={false} required />
        </label>
        <div class="row end">
          <button type="button" class="button" onClick={() => (wantsKey.value = false)}>
            Not now
          </button>
          <button type="submit" class="button strong">
            Use this key
          </button>
        </div>
      </form>
    </dialog>
  );
}
