// The turns of a live stream, and what the server's events make of them.
// Knows nothing about sockets. Times are seconds since the stream began.

import { cuesOf, timedWords, type Cue, type SpokenWord, type Word } from "./transcript";

export interface Turn {
  readonly id: string;
  readonly start: number | null;
  readonly end: number | null;
  /** What will not change any more. */
  readonly words: readonly Word[];
  /** What seems to be said behind it. */
  readonly tentative: string;
  readonly isFinal: boolean;
  /** Codes of the languages it was read in. */
  readonly languages: readonly string[];
}

export interface LiveEvent {
  readonly type: string;
  readonly item_id?: string;
  readonly audio_start_ms?: number;
  readonly audio_end_ms?: number;
  readonly delta?: string;
  readonly text?: string;
  readonly transcript?: string;
  readonly words?: readonly SpokenWord[];
  readonly languages?: readonly { readonly code: string }[];
  readonly error?: {
    readonly message: string;
    readonly code: string | null;
    readonly type: string;
  };
}

const TRANSCRIPTION = "conversation.item.input_audio_transcription";

export function after(turns: readonly Turn[], event: LiveEvent): readonly Turn[] {
  const { item_id: id } = event;
  if (id === undefined) return turns;
  const change = changeOf(event);
  if (change === null) return turns;
  const known = turns.find((turn) => turn.id === id);
  const next = { ...(known ?? begun(id)), ...change(known ?? begun(id)) };
  return known ? turns.map((turn) => (turn === known ? next : turn)) : [...turns, next];
}

const begun = (id: string): Turn => ({
  id,
  start: null,
  end: null,
  words: [],
  tentative: "",
  isFinal: false,
  languages: [],
});

type Change = (turn: Turn) => Partial<Turn>;

function changeOf(event: LiveEvent): Change | null {
  switch (event.type) {
    case "input_audio_buffer.speech_started":
      return () => ({ start: seconds(event.audio_start_ms) });
    case "input_audio_buffer.speech_stopped":
      return () => ({ end: seconds(event.audio_end_ms) });
    case "input_audio_buffer.committed":
      return () => ({});
    case `${TRANSCRIPTION}.delta`:
      return (turn) => {
        const from = turn.words.at(-1)?.end ?? turn.start ?? 0;
        const words = timedWords(event.delta ?? "", event.words ?? [], from);
        return { words: [...turn.words, ...words], tentative: "" };
      };
    case `${TRANSCRIPTION}.tentative`:
      return () => ({ tentative: event.text ?? "" });
    case `${TRANSCRIPTION}.completed`:
      return (turn) => {
        const words = event.words
          ? timedWords(event.transcript ?? "", event.words, turn.start ?? 0)
          : turn.words;
        const languages = event.languages?.map(({ code }) => code) ?? [];
        return { words, tentative: "", isFinal: true, languages };
      };
    case `${TRANSCRIPTION}.failed`:
      return () => ({ tentative: "", isFinal: true });
    default:
      return null;
  }
}

/** A turn that nothing more comes of: what was tentative stays, as words nobody was sure of. */
export function cutOff(turn: Turn): Turn {
  if (!turn.tentative) return { ...turn, isFinal: true };
  const until = turn.words.at(-1)?.end ?? turn.start ?? 0;
  const gap = turn.words.length && !/^\s/u.test(turn.tentative) ? " " : "";
  const rest = timedWords(gap + turn.tentative, [], until).map((word) => ({
    ...word,
    probability: 0,
  }));
  return { ...turn, words: [...turn.words, ...rest], tentative: "", isFinal: true };
}

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1000);

/** When a turn began, as well as is known. */
export const startOf = (turn: Turn): number => turn.start ?? turn.words[0]?.start ?? 0;

/** The turn as what each of its speakers says in a row; one piece where nobody told them apart. */
export function bySpeakers(turn: Turn): readonly (readonly Word[])[] {
  return turn.words.reduce<Word[][]>((pieces, word) => {
    const last = pieces.at(-1);
    if (last && last[0]?.speaker === word.speaker) last.push(word);
    else pieces.push([word]);
    return pieces;
  }, []);
}

/** The turns with one speaker for those that are the same, by the name of the one who is not. A
 * turn in which nobody is stays the object it was, and is not drawn anew. */
export function withSame(
  turns: readonly Turn[],
  same: Readonly<Record<string, string>>,
): readonly Turn[] {
  const meant = (speaker: string | undefined) => (speaker && same[speaker]) ?? speaker;
  return turns.map((turn) =>
    turn.words.every(({ speaker }) => meant(speaker) === speaker)
      ? turn
      : { ...turn, words: turn.words.map((word) => ({ ...word, speaker: meant(word.speaker) })) },
  );
}

/** Cues of all that will not change any more. */
export function cuesOfTurns(turns: readonly Turn[]): Cue[] {
  const cues: Cue[] = [];
  for (const { words } of turns) cues.push(...cuesOf(words, cues.length));
  return cues;
}
