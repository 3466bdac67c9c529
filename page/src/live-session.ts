// A live stream: from a microphone through a socket to turns.
// Knows nothing about how they are shown.

import { computed, signal } from "@preact/signals";
import { begun, changed, type History } from "./history";
import { Job } from "./job";
import { choose, keep } from "./jobs";
import { keyProtocol, sessionOf, whyClosed } from "./live-terms";
import { fileOf, open, type Microphone } from "./microphone";
import { pause } from "./playback";
import { ownProblem, unreachable, type Problem } from "./problem";
import type { Options } from "./request";
import { BASE, noted, Refused, wantsKey } from "./server";
import { cuesOfTurns, after, cutOff, withSame, type LiveEvent, type Turn } from "./turns";
import { nameOf, speakersOf, type Transcript } from "./transcript";

export type LiveState = "idle" | "starting" | "listening" | "finishing";

const PIECE_S = 0.04;
const FINISH_MS = 15_000;
/** Sound that waits to be sent; more of it means that the connection is too slow. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const KEY_REFUSED = 3000;

export const state = signal<LiveState>("idle");
const heard = signal<readonly Turn[]>([]);

/** What people said of the speakers: what each is called, and who is another one's double. */
interface Known {
  readonly names: Readonly<Record<string, string>>;
  readonly same: Readonly<Record<string, string>>;
}

export const known = signal<History<Known>>(begun({ names: {}, same: {} }));
export const turns = computed(() => withSame(heard.value, known.value.present.same));
/** Of all that will not change any more. */
export const transcript = computed<Transcript>(() => ({
  cues: cuesOfTurns(turns.value),
  names: known.value.present.names,
}));
let lastVoices: ReadonlyMap<string, string> = new Map();

/** Who speaks, in the order of their first words, with the names they have: the same object until
 * there is news of it. */
export const voices = computed<ReadonlyMap<string, string>>(() => {
  const now = transcript.value;
  const next = new Map(speakersOf(now).map((speaker) => [speaker, nameOf(now, speaker)]));
  if (JSON.stringify([...next]) !== JSON.stringify([...lastVoices])) lastVoices = next;
  return lastVoices;
});

/** Codes of the languages that were heard. */
export const languages = computed(() => [
  ...new Set(turns.value.flatMap((turn) => turn.languages)),
]);
export const problem = signal<Problem | null>(null);
/** Seconds from the end of a word until it was certain, of the last that came. */
export const latency = signal<number | null>(null);
/** Seconds of sound that were sent. */
export const sent = signal(0);
/** What was heard and said, once it is over: it is among the files then, too. */
export const kept = signal<Job | null>(null);

let running: Stream | null = null;

export async function start(options: Options): Promise<void> {
  if (state.value !== "idle") return;
  state.value = "starting";
  pause(); // it would be heard
  problem.value = null;
  heard.value = [];
  known.value = begun({ names: {}, same: {} });
  latency.value = null;
  kept.value = null;
  sent.value = 0;
  try {
    const microphone = await open();
    running = new Stream(microphone, options);
    await running.begin();
  } catch (error) {
    const found = error instanceof Refused ? error.problem : (error as Problem);
    running?.end();
    running = null;
    problem.value = noted(found);
    state.value = "idle";
  }
}

export function rename(speaker: string, name: string): void {
  const { names, same } = known.value.present;
  know({ names: { ...names, [speaker]: name }, same });
}

/** What `speaker` said, and will say, counts as what `into` says. */
export function merge(speaker: string, into: string): void {
  const { names, same } = known.value.present;
  const before = Object.entries(same).map(([of, to]) => [of, to === speaker ? into : to]);
  know({ names, same: { ...Object.fromEntries(before), [speaker]: into } });
}

const know = (next: Known): void => {
  known.value = changed(known.value, next);
};

/** Show what was heard among the files, to be listened to and edited. */
export function toFiles(): void {
  const job = kept.value;
  if (!job) return;
  if (!job.history.value.past.length) job.history.value = begun(transcript.value);
  choose(job);
  location.hash = "files";
}

export const stop = (): void => running?.finish();
export const level = (): number => running?.microphone.level() ?? 0;

class Stream {
  private socket: WebSocket | null = null;
  private readonly recorder: MediaRecorder;
  private readonly recorded: Promise<File>;
  private isCommitted = false;
  private hasOpened = false;

  constructor(
    readonly microphone: Microphone,
    private readonly options: Options,
  ) {
    this.recorder = new MediaRecorder(microphone.stream);
    const pieces: Blob[] = [];
    this.recorder.ondataavailable = ({ data }) => pieces.push(data);
    this.recorded = new Promise((resolve) => {
      this.recorder.onstop = () => resolve(fileOf(pieces, "Live", this.recorder.mimeType));
    });
  }

  async begin(): Promise<void> {
    const address = `${BASE.replace(/^http/u, "ws")}/v1/realtime?intent=transcription`;
    const protocols = ["realtime", ...(await keyProtocol())];
    const { context } = this.microphone;
    // Of why it was not fetched, browsers say nothing; it comes from the server, like all
    await context.audioWorklet.addModule(`${BASE}/page/microphone-worklet.js`).catch(() => {
      throw new Refused(unreachable(false));
    });
    const socket = new WebSocket(address, protocols);
    this.socket = socket;
    socket.onmessage = ({ data }) => this.onEvent(JSON.parse(data as string) as LiveEvent);
    socket.onclose = ({ code, reason }) => void this.onClose(code, reason);
  }

  /** Hear no more, and wait for the rest of the text. */
  finish(): void {
    if (state.value !== "listening") return;
    state.value = "finishing";
    this.deafen();
    this.send({ type: "input_audio_buffer.commit" });
    setTimeout(() => this.socket?.close(1000), FINISH_MS);
  }

  end(): void {
    this.deafen();
    this.socket?.close(1000);
  }

  private deafen(): void {
    if (this.recorder.state !== "inactive") this.recorder.stop();
    this.microphone.close();
  }

  private onEvent(event: LiveEvent): void {
    if (event.type === "session.created") this.listen();
    if (event.type === "error") this.onError(event);
    if (event.type === "input_audio_buffer.committed" && state.value === "finishing")
      this.isCommitted = true;
    const last = event.words?.at(-1);
    if (event.type.endsWith(".delta") && last) latency.value = Math.max(0, sent.value - last.end);
    heard.value = after(heard.value, event);
    if (this.isCommitted && heard.value.every(({ isFinal }) => isFinal)) this.socket?.close(1000);
  }

  private onError({ error }: LiveEvent): void {
    if (error?.code === "input_audio_buffer_commit_empty") {
      this.isCommitted = true;
      return;
    }
    problem.value = noted(
      ownProblem("The server refused", error?.message ?? "It did not say why."),
    );
  }

  private listen(): void {
    this.hasOpened = true;
    this.send({ type: "session.update", session: sessionOf(this.options) });
    const { context, source, stream } = this.microphone;
    const node = new AudioWorkletNode(context, "pcm", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    node.port.onmessage = ({ data }) => this.onSound(data as ArrayBuffer);
    source.connect(node);
    for (const track of stream.getTracks()) track.onended = () => this.finish();
    this.recorder.start();
    state.value = "listening";
  }

  private onSound(pcm: ArrayBuffer): void {
    if (state.value !== "listening" || this.socket === null) return;
    if (this.socket.bufferedAmount > MAX_WAITING_BYTES) {
      problem.value = noted(
        ownProblem("The connection is too slow", "Sound waits to be sent; the stream was stopped."),
      );
      this.finish();
      return;
    }
    sent.value += PIECE_S;
    const audio = btoa(String.fromCharCode(...new Uint8Array(pcm)));
    this.send({ type: "input_audio_buffer.append", audio });
  }

  private send(event: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  private async keep(): Promise<void> {
    const [text, spoken] = [transcript.value, languages.value];
    kept.value = Job.spoken(await this.recorded, this.options, text, spoken);
    keep(kept.value);
  }

  private async onClose(code: number, reason: string): Promise<void> {
    this.deafen();
    const wasFinishing = state.value === "finishing";
    state.value = "idle";
    running = null;
    heard.value = heard.value.map(cutOff);
    if (transcript.value.cues.length) void this.keep();
    if (code === KEY_REFUSED) wantsKey.value = true;
    else if (!wasFinishing && problem.value === null)
      problem.value = noted(await whyClosed(code, reason, this.hasOpened));
  }
}
