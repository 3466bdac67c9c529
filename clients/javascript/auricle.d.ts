/** Names are those on the wire; times are seconds. */
export interface Word { word: string; start: number; end: number; probability?: number }
export interface TokenLogprob { token: string; logprob: number; bytes: number[] }
export interface Usage { type: string; seconds?: number }

export interface Segment {
  id: number; seek: number; start: number; end: number; text: string; tokens: number[];
  temperature: number; avg_logprob: number; compression_ratio: number; no_speech_prob: number;
  speaker?: string;
}

/** What was not asked for is absent. */
export interface Transcription {
  text: string;
  task?: string;
  /** An English name in lower case, such as german. */
  language?: string;
  duration?: number;
  segments?: Segment[];
  words?: Word[];
  logprobs?: TokenLogprob[];
  languages?: { code: string }[];
  usage?: Usage;
  /** Names the request in the server's log. */
  request_id: string | null;
}

export interface TextDelta { type: "transcript.text.delta"; delta: string; logprobs?: TokenLogprob[] }
export interface TextSegment {
  type: "transcript.text.segment"; id: number | string; start: number; end: number; text: string;
  speaker?: string;
}
export interface TextDone {
  type: "transcript.text.done"; text: string; logprobs?: TokenLogprob[];
  languages?: { code: string }[]; usage?: Usage;
}
export type TranscriptEvent = TextDelta | TextSegment | TextDone;

export interface Options {
  /** whisper-1, the default, is the model the server was started with. */
  model?: string;
  language?: string | null;
  /** Times of words, beside those of segments. */
  words?: boolean;
  /** Log-probabilities of tokens. */
  logprobs?: boolean;
  signal?: AbortSignal;
  /** Bytes of the recording sent so far, and how many there are. */
  onProgress?: (sent: number, total: number) => void;
  /** Any other field of the API. */
  [field: string]: unknown;
}

export class AuricleError extends Error {
  /** HTTP status; null where there was no answer, 200 where it failed after it had begun. */
  status: number | null;
  param: string | null;
  code: string | null;
  requestId: string | null;
  retryAfterS: number | null;
}

type TextFormat = "text" | "srt" | "vtt";

export class Auricle {
  constructor(options?: { baseUrl?: string; apiKey?: string; maxRetries?: number });
  transcribe(recording: Blob, options: Options & { response_format: TextFormat }): Promise<string>;
  transcribe(
    recording: Blob, options?: Options & { response_format?: "json" | "verbose_json" },
  ): Promise<Transcription>;
  translate(recording: Blob, options: Options & { response_format: TextFormat }): Promise<string>;
  translate(
    recording: Blob, options?: Options & { response_format?: "json" | "verbose_json" },
  ): Promise<Transcription>;
  stream(
    recording: Blob, options?: Options & { task?: "transcribe" | "translate" },
  ): AsyncGenerator<TranscriptEvent, void, void>;
  models(): Promise<{ id: string; root?: string; state?: string }[]>;
  health(): Promise<{ status: string; ready: boolean; model: string; reason?: string }>;
}

export class EventReader { feed(piece: string): string[] }
