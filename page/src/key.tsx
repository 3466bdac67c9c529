// The question for a key, when the server wants one.

import { useEffect, useRef } from "preact/hooks";
import { key, refresh, useKey, wantsKey } from "./server";

export function KeyDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const isOpen = wantsKey.value;
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    if (!isOpen) dialog.current?.close();
  }, [isOpen]);

  const submit = (event: Event) => {
    event.preventDefault();
    useKey(field.current?.value.trim() ?? "");
    void refresh();
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="key-title"
      onCancel={() => (wantsKey.value = false)}
    >
      <form onSubmit={submit}>
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
