// Server-sent events out of text that comes in pieces.
// Knows nothing about what they say.

/** The data of the events that are whole in `text`, and what is left of it. */
export function eventsIn(text: string): { data: string[]; rest: string } {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const data = blocks
    .map((block) =>
      block
        .split("\n")
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).replace(/^ /u, ""))
        .join("\n"),
    )
    .filter((each) => each !== "");
  return { data, rest };
}
