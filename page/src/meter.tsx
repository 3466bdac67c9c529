// How loud it is, drawn as a bar.

import { useEffect, useRef } from "preact/hooks";

export function Meter({ level }: { level: () => number }) {
  const bar = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      if (bar.current) bar.current.value = level();
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [level]);
  return (
    <meter ref={bar} class="meter" min={0} max={1} value={0} aria-label="Level of the microphone" />
  );
}
