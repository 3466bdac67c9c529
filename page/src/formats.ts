// A transcript as a file: text, SubRip, WebVTT or JSON.
// Knows nothing about where it came from.

import { nameOf, speakersOf, textOf, type Cue, type Transcript } from "./transcript";

export const FORMATS = ["txt", "srt", "vtt", "json"] as const;
export type Format = (typeof FORMATS)[number];

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  txt: "text/plain",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
};

const MAX_LINE_CHARS = 42;

export function written(format: Format, transcript: Transcript, language: string): string {
  switch (format) {
    case "txt":
      return asText(transcript);
    case "srt":
      return transcript.cues
        .map((cue, i) => `${i + 1}\n${times(cue, ",")}\n${shown(transcript, cue)}\n\n`)
        .join("");
    case "vtt":
      return `WEBVTT\n\n${transcript.cues
        .map((cue) => `${times(cue, ".")}\n${voice(transcript, cue)}${escaped(lines(cue))}\n\n`)
        .join("")}`;
    case "json":
      return asJson(transcript, language);
  }
}

/** `0:07.5` for people, with hours where there are some. */
export function clock(seconds: number, decimals = 0): string {
  const scale = 10 ** decimals;
  const whole = Math.floor(seconds * scale + 1e-6);
  const [h, m] = [Math.floor(whole / scale / 3600), Math.floor(whole / scale / 60) % 60];
  const s = (whole / scale) % 60;
  const shownSeconds = s.toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${shownSeconds}` : `${m}:${shownSeconds}`;
}

/** Seconds from what a person wrote, `83`, `1:23.4` or `0:01:23,4`; null if it is no time. */
export function parsedClock(written: string): number | null {
  const parts = written.trim().replace(",", ".").split(":");
  if (parts.length > 3 || !parts.every((part) => /^\d+(\.\d+)?$/u.test(part))) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** Breaks are for subtitles. */
const inOneLine = (cue: Cue): string => textOf(cue).replace(/\s*\n\s*/gu, " ");

function asText(transcript: Transcript): string {
  if (!speakersOf(transcript).length) {
    return `${transcript.cues.map(inOneLine).join(" ").trim()}\n`;
  }
  let text = "";
  let last: string | null = null;
  for (const cue of transcript.cues) {
    const name = cue.speaker === null ? "" : `${nameOf(transcript, cue.speaker)}: `;
    text +=
      cue.speaker === last && text
        ? ` ${inOneLine(cue)}`
        : `${text && "\n"}${name}${inOneLine(cue)}`;
    last = cue.speaker;
  }
  return `${text}\n`;
}

function asJson(transcript: Transcript, language: string): string {
  const speaker = (cue: Cue) =>
    cue.speaker === null ? {} : { speaker: nameOf(transcript, cue.speaker) };
  const segments = transcript.cues.map((cue, id) => ({
    id,
    start: cue.start,
    end: cue.end,
    text: textOf(cue),
    ...speaker(cue),
  }));
  const words = transcript.cues.flatMap((cue) =>
    cue.words.map(({ text, start, end, probability }) => ({
      word: text.trim(),
      start,
      end,
      probability,
      ...speaker(cue),
    })),
  );
  const text = transcript.cues.map(textOf).join(" ").trim();
  return `${JSON.stringify({ text, language, segments, words }, null, 2)}\n`;
}

const shown = (transcript: Transcript, cue: Cue): string =>
  (cue.speaker === null ? "" : `${nameOf(transcript, cue.speaker)}: `) + lines(cue);

const voice = (transcript: Transcript, cue: Cue): string =>
  cue.speaker === null ? "" : `<v ${escaped(nameOf(transcript, cue.speaker))}>`;

/** As somebody broke them, without empty lines, which would end the cue; else two lines of like
 * length where one would be long. */
function lines(cue: Cue): string {
  const text = textOf(cue).replace(/\s*\n\s*/gu, "\n");
  if (text.includes("\n")) return text;
  if (text.length <= MAX_LINE_CHARS) return text;
  const spaces = [...text.matchAll(/\s/gu)].map(({ index }) => index);
  const middle = text.length / 2;
  spaces.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
  const [at] = spaces;
  return at === undefined ? text : `${text.slice(0, at)}\n${text.slice(at + 1)}`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const times = (cue: Cue, mark: string): string =>
  `${timestamp(cue.start, mark)} --> ${timestamp(cue.end, mark)}`;

function timestamp(seconds: number, mark: string): string {
  const ms = Math.round(seconds * 1000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const rest = String(ms % 1000).padStart(3, "0");
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${mark}${rest}`;
}
