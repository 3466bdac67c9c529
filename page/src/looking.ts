// Asking again and again for as long as something is shown.
// Knows nothing about what is asked.

import { useEffect } from "preact/hooks";
import { isLocked } from "./server";

/** Look at once and every so many milliseconds, while somebody has the page before them. */
export function useLooks(look: () => Promise<unknown>, periodMs: number, isOn = true): void {
  useEffect(() => {
    if (!isOn) return;
    const tick = () => {
      // The state of the connection is shown above the views.
      if (!document.hidden && !isLocked.value) void look().catch(() => undefined);
    };
    tick();
    const ticking = setInterval(tick, periodMs);
    return () => clearInterval(ticking);
  }, [look, periodMs, isOn]);
}
