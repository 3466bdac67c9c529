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
  download:
    "M12 4.500V15m0 0 4.500-4.500M12 15l-4.500-4.500M5 17v1a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-1",
  chip: "M7 7h10v10H7zM10 7V4M14 7V4M10 20v-3M14 20v-3M7 10H4M7 14H4M20 10h-3M20 14h-3",
  memory: "M3.500 8h17v9h-17zM7 17v2M12 17v2M17 17v2M7.500 11v3M12 11v3M16.500 11v3",
  bolt: "M13 3.500 5.500 13.500H11l-.500 7L18.500 10.500H13z",
  disk: "M5 6c0-1.400 3.100-2.500 7-2.500S19 4.600 19 6s-3.100 2.500-7 2.500S5 7.400 5 6zM5 6v12c0 1.400 3.100 2.500 7 2.500s7-1.100 7-2.500V6M5 12c0 1.400 3.100 2.500 7 2.500s7-1.100 7-2.500",
  key: "M4 12a3.500 3.500 0 1 0 7 0a3.500 3.500 0 1 0-7 0M11 12h9v3.500M16 12v2.500",
  merge: "M4 12a5 5 0 1 0 10 0a5 5 0 1 0-10 0M10 12a5 5 0 1 0 10 0a5 5 0 1 0-10 0",
  bin: "M5 7h14M10 7V4.500h4V7M7 7l.800 13h8.400L17 7",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
