// The page's few pictures, drawn in the colour of the text around them.
// Knows nothing about what they stand for.

const PATHS = {
  upload:
    "M12 16V5m0 0L7.500 9.500M12 5l4.500 4.500M5 16.500V18a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-1.500",
  microphone:
    "M12 3.500a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0v-5a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v3.500",
  play: "M8 5.500v13l10.500-6.500z",
  pause: "M8.500 5.500v13M15.500 5.500v13",
  stop: "M7 7h10v10H7z",
  undo: "M8 5 4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11h-3",
  redo: "M16 5l4 4-4 4M20 9H10a5.500 5.500 0 0 0 0 11h3",
  edit: "M4 20h4L19 9a2.100 2.100 0 0 0-4-4L4 16zM13.500 6.500l4 4",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5M13.500 5l-3 14",
  copy: "M9 9h10v11H9zM6 15H5V4h10v1.500",
  again: "M20 5v5h-5M20 10a8 8 0 1 0-.700 6",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.500l4.500 4.500L19 7.500",
  sample: "M4 10.500v3M8 8v8M12 5v14M16 8.500v7M20 10.500v3",
  warning: "M12 4 2.500 20h19zM12 10v4.500M12 17.200v.100",
  bin: "M5 7h14M10 7V4.500h4V7M7 7l.800 13h8.400L17 7",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
