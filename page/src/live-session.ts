// A live stream: from a microphone through a socket to turns.
// Knows nothing about how they are shown.

import { computed, signal } from "@preact/signals";
import { fieldsOf, type Options } from "./request";
import { open, type Microphone } from "./microphone";
import { ownProblem, unreachable, type Problem } from "./problem";
import { ask, BASE, key, noted, Refused, wantsKey } from "./server";
import { cuesOfTurns, after, cutOff, withSame, type LiveEvent, type Turn } from "./turns";
import { type Transcript } from "./transcript";

export type LiveState = "idle" | "starting" | "listening" | "finishing";

const PIECE_S = 0.04;
const SILENCE_MS = 800;
const FINISH_MS = 15_000;
/** Sound that waits to be sent; more of it means that the connection is too slow. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const KEY_REFUSED = 3000;

export const state = signal<LiveState>("idle");
const heard = signal<readonly Turn[]>([]);
/** What people call the speakers, and who is another one's double. */
const names = signal<Readonly<Record<string, string>>>({});
const same = signal<Readonly<Record<string, string>>>({});
export const turns = computed(() => withSame(heard.value, same.value));
/** Of all that will not change any more. */
export const transcript = computed<Transcript>(() => ({
  cues: cuesOfTurns(turns.value),
  names: names.value,
}));
/** Codes of the languages that were heard. */
export const languages = computed(() => [
  ...new Set(turns.value.flatMap((turn) => turn.languages)),
]);
export const problem = signal<Problem | null>(null);
/** Seconds from the end of a word until it was certain, of the last that came. */
export const latency = signal<number | null>(null);
/** Seconds of sound that were sent. */
export const sent = signal(0);
/** What was heard, once it is over. */
export const recorded = signal<File | null>(null);

let running: Stream | null = null;

export async function start(options: Options): Promise<void> {
  if (state.value !== "idle") return;
  state.value = "starting";
  problem.value = null;
  heard.value = [];
  names.value = {};
  same.value = {};
  latency.value = null;
  recorded.value = null;
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
  names.value = { ...names.value, [speaker]: name };
}

/** What `speaker` said, and will say, counts as what `into` says. */
export function merge(speaker: string, into: string): void {
  const before = Object.entries(same.value).map(([of, to]) => [of, to === speaker ? into : to]);
  same.value = { ...Object.fromEntries(before), [speaker]: into };
}

export const stop = (): void => running?.finish();
export const level = (): number => running?.microphone.level() ?? 0;

class Stream {
  private socket: WebSocket | null = null;
  private readonly recorder: MediaRecorder;
  private readonly pieces: Blob[] = [];
  private isCommitted = false;
  private hasOpened = false;

  constructor(
    readonly microphone: Microphone,
    private readonly options: Options,
  ) {
    this.recorder = new MediaRecorder(microphone.stream);
    this.recorder.ondataavailable = ({ data }) => this.pieces.push(data);
    this.recorder.onstop = () => {
      const type = this.recorder.mimeType;
      recorded.value = new File(this.pieces, `Live.${type.includes("mp4") ? "m4a" : "webm"}`, {
        type,
      });
    };
  }

  async begin(): Promise<void> {
    const address = `${BASE.replace(/^http/u, "ws")}/v1/realtime?intent=transcription`;
    const protocols = ["realtime", ...(await keyProtocol())];
    const { context } = this.microphone;
    await context.audioWorklet.addModule(`${BASE}/page/microphone-worklet.js`);
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

  private async onClose(code: number, reason: string): Promise<void> {
    this.deafen();
    const wasFinishing = state.value === "finishing";
    state.value = "idle";
    running = null;
    heard.value = heard.value.map(cutOff);
    if (code === KEY_REFUSED) wantsKey.value = true;
    else if (!wasFinishing && problem.value === null)
      problem.value = noted(await whyClosed(code, reason, this.hasOpened));
  }
}

/** The key as browsers can send it with a socket: one made for this, which is short and plain. */
async function keyProtocol(): Promise<string[]> {
  if (!key.value) return [];
  const { value } = await ask<{ value: string }>("v1/realtime/client_secrets", { method: "POST" });
  return [`openai-insecure-api-key.${value}`];
}

function sessionOf(options: Options): object {
  const fields = fieldsOf(options);
  const keywords = fields.filter(([name]) => name === "keywords[]").map(([, value]) => value);
  return {
    type: "transcription",
    audio: {
      input: {
        format: { type: "audio/pcm", rate: 24_000 },
        transcription: {
          model: options.model,
          ...(options.language && { language: options.language }),
          ...(options.prompt && { prompt: options.prompt }),
          ...(keywords.length && { keywords }),
        },
        turn_detection: { type: "server_vad", silence_duration_ms: SILENCE_MS },
      },
    },
    include: ["words", "tentative", ...(options.speakers ? ["segments"] : [])].map(
      (each) => `item.input_audio_transcription.${each}`,
    ),
  };
}

/** Browsers say nothing of a refused handshake, so the server is asked how it is. */
async function whyClosed(code: number, reason: string, hasOpened: boolean): Promise<Problem> {
  if (code === 1012)
    return ownProblem("The server stops", "What had come is kept. Start again when it is back.");
  if (code === 1013)
    return ownProblem(
      "The server is too busy",
      "More speech came than it can read. What had come is kept.",
    );
  if (hasOpened)
    return reason ? ownProblem("The server ended the stream", reason) : unreachable(true);
  try {
    await ask("health", { isQuiet: true });
  } catch (error) {
    if (error instanceof Refused) return error.problem;
  }
  return ownProblem(
    "The server took no stream",
    "It has no room for another one now, or a proxy in between passes no websockets on.",
  );
}
