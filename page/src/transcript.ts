// A transcript: cues made of timed words, and what an edit makes of them.
// Knows nothing about the page or the server. Times are seconds.

export interface Word {
  /** With the white space before it: the texts of all words joined are the text. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** 0 to 1; of what a person wrote, 1. */
  readonly probability: number;
  readonly speaker?: string | undefined;
}

/** What is read, shown and edited as one line. */
export interface Cue {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly words: readonly Word[];
  readonly speaker: string | null;
}

export interface Transcript {
  readonly cues: readonly Cue[];
  /** What people call the speakers; those that are not here have their own name. */
  readonly names: Readonly<Record<string, string>>;
}

export interface SpokenWord {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  readonly probability?: number;
  readonly speaker?: string;
}

/** Below this a word is shown as one the model was not sure of. */
export const UNSURE_BELOW = 0.5;

/** Whom the server names where no voice was heard. */
const NOBODY = "unknown";
const MAX_CUE_CHARS = 84;
const MAX_CUE_S = 7;
const FULL_CUE_CHARS = 36;
const MIN_CUE_WORDS = 3;
const NOTICED_PAUSE_S = 0.05;
const SENTENCE_END = /[.!?…。！？]["'”’»)]*$/u;
const CLAUSE_END = /[,;:–—、，；：]["'”’»)]*$/u;

export const textOf = (cue: Cue): string =>
  cue.words
    .map((word) => word.text)
    .join("")
    .trim();

export const nameOf = (transcript: Transcript, speaker: string): string =>
  transcript.names[speaker] ?? speaker;

export const speakersOf = (transcript: Transcript): string[] => [
  ...new Set(transcript.cues.flatMap((cue) => (cue.speaker === null ? [] : [cue.speaker]))),
];

export function timedWords(text: string, spoken: readonly SpokenWord[], from: number): Word[] {
  if (!spoken.length) return spread(text, from, from);
  const words: Word[] = [];
  let position = 0;
  for (const { word, start, end, probability, speaker } of spoken) {
    const found = text.indexOf(word, position);
    const until = found < 0 ? position : found + word.length;
    const shown = found < 0 ? ` ${word}` : text.slice(position, until);
    words.push({ text: shown, start, end, probability: probability ?? 1, speaker });
    position = until;
  }
  const last = words.at(-1);
  if (last && position < text.length) {
    words[words.length - 1] = { ...last, text: last.text + text.slice(position) };
  }
  return words;
}

/** The words of text that has come, and what of it waits for theirs: text comes as it is decided,
 * with an empty list of words until they are placed. */
export function heardWords(
  text: string,
  spoken: readonly SpokenWord[] | undefined,
  from: number,
): { readonly words: Word[]; readonly untimed: string } {
  if (spoken?.length === 0) return { words: [], untimed: text };
  return { words: timedWords(text, spoken ?? [], from), untimed: "" };
}

/** Cues of one stretch of text, numbered from `firstId`: none longer than can be read at a glance,
 * broken at sentence ends before clauses, and where the speaker changes. */
export function cuesOf(words: readonly Word[], firstId: number): Cue[] {
  const cues: Cue[] = [];
  let rest = [...words];
  while (rest.length) {
    const n = lengthOfCue(rest);
    cues.push(cueOf(rest.slice(0, n), firstId + cues.length));
    rest = rest.slice(n);
  }
  return cues;
}

function cueOf(words: readonly Word[], id: number): Cue {
  const [first, last] = [words[0], words.at(-1)];
  if (!first || !last) throw new RangeError("a cue has at least one word");
  return { id, start: first.start, end: last.end, words, speaker: first.speaker ?? null };
}

function lengthOfCue(words: readonly Word[]): number {
  const begin = words[0]?.start ?? 0;
  let chars = 0;
  let clause = 0;
  for (const [i, word] of words.entries()) {
    chars += word.text.length;
    if (i > 0 && word.speaker !== words[0]?.speaker) return i;
    if (i > 0 && (chars > MAX_CUE_CHARS || word.end - begin > MAX_CUE_S)) {
      return clause || breakBefore(words, i);
    }
    if (chars < FULL_CUE_CHARS) continue;
    if (SENTENCE_END.test(word.text)) return i + 1;
    if (CLAUSE_END.test(word.text)) clause = i + 1;
  }
  return words.length;
}

/** Where to break a cue that may have at most `n` words and has no good place: before the longest
 * pause in its second half, or so that what follows is not a lonely word. */
function breakBefore(words: readonly Word[], n: number): number {
  const least = Math.ceil(n / 2);
  const most = Math.max(least, Math.min(n, words.length - MIN_CUE_WORDS));
  let best = most;
  for (let i = most; i >= least; i -= 1) {
    if (pauseBefore(words, i) > pauseBefore(words, best) + NOTICED_PAUSE_S) best = i;
  }
  return best;
}

const pauseBefore = (words: readonly Word[], i: number): number =>
  (words[i]?.start ?? 0) - (words[i - 1]?.end ?? 0);

/** The cue with another text. Words that stay keep their times; new ones share what is between. */
export function retold(cue: Cue, text: string): Cue {
  const before = cue.words;
  const head = commonWords(before, text);
  const tail = commonTail(before.slice(head.n), text.slice(head.chars));
  const kept = before.slice(before.length - tail.n);
  const middle = text.slice(head.chars, text.length - tail.chars);
  const start = before[head.n - 1]?.end ?? cue.start;
  const end = kept[0]?.start ?? cue.end;
  const words = [...before.slice(0, head.n), ...spread(middle, start, end), ...kept];
  return { ...cue, words };
}

/** How many words `text` begins with as they are, and how many characters these are. */
function commonWords(words: readonly Word[], text: string): { n: number; chars: number } {
  let n = 0;
  let chars = 0;
  for (const word of words) {
    const shown = n === 0 ? word.text.trimStart() : word.text;
    const after = text[chars + shown.length];
    if (!text.startsWith(shown, chars) || !(after === undefined || /\s/u.test(after))) break;
    n += 1;
    chars += shown.length;
  }
  return { n, chars };
}

function commonTail(words: readonly Word[], text: string): { n: number; chars: number } {
  let n = 0;
  let chars = 0;
  for (const word of [...words].reverse()) {
    const until = text.length - chars;
    const before = text.slice(0, until - word.text.length);
    const isThere = text.slice(0, until) === before + word.text;
    if (!isThere || !/^\s/u.test(word.text) || /\s$/u.test(before)) break;
    n += 1;
    chars += word.text.length;
  }
  return { n, chars };
}

/** Words nobody timed, over a stretch of time by their length. */
function spread(text: string, start: number, end: number): Word[] {
  const pieces = text.match(/\s*\S+/gu) ?? [];
  const total = pieces.join("").length || 1;
  let chars = 0;
  return pieces.map((piece) => {
    const at = start + ((end - start) * chars) / total;
    chars += piece.length;
    const until = start + ((end - start) * chars) / total;
    return { text: piece, start: at, end: until, probability: 1 };
  });
}

export function withCue(transcript: Transcript, changed: Cue): Transcript {
  const cues = transcript.cues.map((cue) => (cue.id === changed.id ? changed : cue));
  return { ...transcript, cues };
}

export function withoutCue(transcript: Transcript, id: number): Transcript {
  return { ...transcript, cues: transcript.cues.filter((cue) => cue.id !== id) };
}

/** A cue with other times, which stay in order, within those of its neighbours, and before the end
 * of the recording, `until`. */
export function retimed(
  transcript: Transcript,
  cue: Cue,
  [start, end]: readonly [number, number],
  until = Infinity,
): Transcript {
  const at = transcript.cues.findIndex((each) => each.id === cue.id);
  const earliest = transcript.cues[at - 1]?.start ?? 0;
  const latest = Math.max(cue.end, transcript.cues[at + 1]?.end ?? until);
  const from = Math.min(Math.max(start, earliest), latest);
  return withCue(transcript, { ...cue, start: from, end: Math.min(Math.max(end, from), latest) });
}

export function renamed(transcript: Transcript, speaker: string, name: string): Transcript {
  return { ...transcript, names: { ...transcript.names, [speaker]: name } };
}

/** What `speaker` said becomes what `into` said. */
export function merged(transcript: Transcript, speaker: string, into: string): Transcript {
  const cues = transcript.cues.map((cue) =>
    cue.speaker === speaker ? { ...cue, speaker: into } : cue,
  );
  return { ...transcript, cues };
}

export interface Segment {
  readonly speaker: string;
  readonly text: string;
}

/** The words with who says them. The segments have the same text in the same order, cut where the
 * voice changes. */
export function bySpeaker(words: readonly Word[], segments: readonly Segment[]): Word[] {
  let at = 0;
  let left = lettersIn(segments[0]?.text ?? "");
  return words.map((word) => {
    while (left <= 0 && at + 1 < segments.length) {
      at += 1;
      left += lettersIn(segments[at]?.text ?? "");
    }
    left -= lettersIn(word.text);
    const speaker = segments[at]?.speaker;
    return { ...word, speaker: speaker === NOBODY ? undefined : speaker };
  });
}

const lettersIn = (text: string): number => text.replace(/\s/gu, "").length;

/** The number of the word that is being said at a time: the last that has begun. */
export function wordAt(words: readonly Word[], time: number): number {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((words[middle]?.start ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
