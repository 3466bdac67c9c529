// One recording on its way to a text: what is sent, what has come, and what people made of it.
// Knows nothing about the page.

import { computed, signal } from "@preact/signals";
import { eventsIn } from "./events";
import { begun, changed, redone, undone, type History } from "./history";
import { lateError, ownProblem, unreachable, type Answer, type Problem } from "./problem";
import { fieldsOf, pathOf, type Options } from "./request";
import { noted, Refused, upload } from "./server";
import {
  bySpeaker,
  cuesOf,
  heardWords,
  timedWords,
  type Cue,
  type Segment,
  type SpokenWord,
  type Transcript,
  type Word,
} from "./transcript";

export type State = "waiting" | "sending" | "reading" | "done" | "failed" | "cancelled";

interface StreamEvent {
  readonly type?: string;
  readonly delta?: string;
  readonly words?: readonly SpokenWord[];
  readonly languages?: readonly { readonly code: string }[];
  readonly warnings?: readonly string[];
  readonly usage?: { readonly seconds: number };
  readonly speaker?: string;
  readonly text?: string;
}

let count = 0;

export class Job {
  readonly id = (count += 1);
  readonly address: string;
  readonly state = signal<State>("waiting");
  /** What part of the file has been sent, 0 to 1. */
  readonly sent = signal(0);
  readonly problem = signal<Problem | null>(null);
  readonly languages = signal<readonly string[]>([]);
  readonly warnings = signal<readonly string[]>([]);
  readonly history = signal<History<Transcript>>(begun({ cues: [], names: {} }));
  readonly transcript = computed(() => this.history.value.present);
  /** Of the recording, seconds; 0 before anybody knows. */
  readonly duration = signal(0);
  readonly isOver = computed(() => !["waiting", "sending", "reading"].includes(this.state.value));

  /** Whether the text was made while it was spoken, and cannot be had again as it is. */
  isSpoken = false;

  private readonly abort = new AbortController();
  private words: Word[] = [];
  /** Text at the end whose words are not placed yet, as it came. */
  private untimed: string[] = [];
  private nTimed = 0;
  private cues: Cue[] = [];
  private segments: Segment[] = [];
  private nRead = 0;
  private isComplete = false;

  constructor(
    readonly file: File,
    readonly options: Options,
  ) {
    this.address = URL.createObjectURL(file);
  }

  /** Of a text that is there already. */
  static spoken(file: File, options: Options, text: Transcript, languages: readonly string[]): Job {
    const job = new Job(file, options);
    job.isSpoken = true;
    job.history.value = begun(text);
    job.languages.value = languages;
    job.duration.value = text.cues.at(-1)?.end ?? 0;
    job.state.value = "done";
    return job;
  }

  /** Send the recording and follow the answer to its end; never throws. */
  async run(): Promise<void> {
    if (this.state.value !== "waiting") return;
    this.state.value = "sending";
    const handlers = { onSent: (share: number) => this.onSent(share), onBody: this.onBody };
    try {
      await upload(pathOf(this.options), this.form(), handlers, this.abort.signal);
      if (!this.isComplete) throw new Refused(unreachable(true));
      this.state.value = "done";
    } catch (error) {
      if (this.abort.signal.aborted && this.problem.value === null) {
        this.state.value = "cancelled";
        return;
      }
      const known =
        this.problem.value ?? (error instanceof Refused ? error.problem : unforeseen(error));
      this.problem.value = noted(known);
      this.state.value = "failed";
    }
  }

  cancel(): void {
    if (this.state.value === "waiting") this.state.value = "cancelled";
    this.abort.abort();
  }

  /** Give back what the browser keeps of the file. */
  forget(): void {
    this.cancel();
    URL.revokeObjectURL(this.address);
  }

  change(next: Transcript): void {
    this.history.value = changed(this.history.value, next);
  }

  undo(): void {
    this.history.value = undone(this.history.value);
  }

  redo(): void {
    this.history.value = redone(this.history.value);
  }

  private form(): FormData {
    const form = new FormData();
    for (const [name, value] of fieldsOf(this.options)) form.append(name, value);
    form.append("file", this.file, this.file.name);
    return form;
  }

  private onSent(share: number): void {
    this.sent.value = share;
    if (share === 1 && this.state.value === "sending") this.state.value = "reading";
  }

  private readonly onBody = (body: string, header: Answer["header"]): void => {
    this.onSent(1);
    const { data, rest } = eventsIn(body.slice(this.nRead));
    this.nRead = body.length - rest.length;
    for (const each of data) {
      if (each === "[DONE]") continue;
      const problem = lateError(each, header);
      if (problem !== null) {
        this.problem.value = problem;
        break;
      }
      this.onEvent(JSON.parse(each) as StreamEvent);
    }
    const untimed = timedWords(this.untimed.join(""), [], this.lastEnd);
    const waiting = cuesOf(untimed, this.cues.length);
    this.history.value = begun({ ...this.transcript.value, cues: [...this.cues, ...waiting] });
    if (this.problem.value !== null) this.abort.abort();
  };

  private onEvent(event: StreamEvent): void {
    switch (event.type) {
      case "transcript.text.delta": {
        this.untimed.push(event.delta ?? "");
        this.place(event.words);
        break;
      }
      case "transcript.text.segment": {
        const { speaker, text = "" } = event;
        if (speaker !== undefined) this.segments.push({ speaker, text });
        break;
      }
      case "transcript.text.done":
        this.onDone(event);
        break;
    }
  }

  private get lastEnd(): number {
    return this.words.at(-1)?.end ?? 0;
  }

  private place(spoken: readonly SpokenWord[] | undefined): void {
    const { words, untimed } = heardWords(this.untimed.join(""), spoken, this.lastEnd);
    if (untimed) return;
    this.add(words);
    this.untimed = [];
    this.nTimed += spoken?.length ?? 0;
  }

  private add(words: Word[]): void {
    this.words.push(...words);
    this.cues.push(...cuesOf(words, this.cues.length));
  }

  private onDone({ words = [], languages = [], warnings = [], usage }: StreamEvent): void {
    this.isComplete = true;
    this.place(words.slice(this.nTimed));
    for (const text of this.untimed) this.add(timedWords(text, [], this.lastEnd));
    this.untimed = [];
    this.duration.value ||= usage?.seconds ?? 0; // whole seconds, until the browser knows better
    this.languages.value = languages.map(({ code }) => code);
    this.warnings.value = warnings;
    if (!this.segments.length) return;
    const spoken = bySpeaker(this.words, this.segments);
    let at = 0;
    this.cues = this.cues
      .map((cue) => spoken.slice(at, (at += cue.words.length)))
      .reduce<Cue[]>((cues, of) => [...cues, ...cuesOf(of, cues.length)], []);
  }
}

function unforeseen(error: unknown): Problem {
  return ownProblem("The page had an error of its own", String(error));
}
