// Text onto the clipboard, also where browsers have no interface for it: without https.
// Knows nothing about what the text is.

/** Whether it worked. */
export async function copied(text: string): Promise<boolean> {
  if ("clipboard" in navigator) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // It is not allowed, or the page has no focus: the old way may work.
    }
  }
  return copiedAsSelection(text);
}

function copiedAsSelection(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden";
  // Within an open dialog, outside of which nothing can be selected
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return isDone;
}
