// A microphone: which there are, what comes from one, and why none does.
// Knows nothing about what is done with it.

import { signal } from "@preact/signals";
import { ownProblem, type Problem } from "./problem";

export const devices = signal<readonly MediaDeviceInfo[]>([]);
/** The id of the device to use; empty for the system's choice. */
export const device = signal("");

export interface Microphone {
  readonly stream: MediaStream;
  readonly context: AudioContext;
  readonly source: MediaStreamAudioSourceNode;
  /** How loud it is now, 0 to 1. */
  readonly level: () => number;
  readonly close: () => void;
}

/** @throws Problem */
export async function open(): Promise<Microphone> {
  // Pages without https have no microphones at all, except on the machine itself.
  if (!("mediaDevices" in navigator)) throw blocked();
  try {
    const audio: MediaTrackConstraints = device.value ? { deviceId: { exact: device.value } } : {};
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    await list();
    return await heard(stream);
  } catch (error) {
    throw problemOf(error);
  }
}

export async function list(): Promise<void> {
  if (!("mediaDevices" in navigator)) return;
  const all = await navigator.mediaDevices.enumerateDevices();
  devices.value = all.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "");
}

async function heard(stream: MediaStream): Promise<Microphone> {
  const context = new AudioContext();
  await context.resume();
  const source = context.createMediaStreamSource(stream);
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const level = () => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
    return Math.min(1, Math.max(0, 1 + (10 * Math.log10(power + 1e-9)) / 60)); // -60 dB to 0
  };
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    if (context.state !== "closed") void context.close();
  };
  return { stream, context, source, level, close };
}

/** What was recorded, named by the time. */
export function fileOf(pieces: Blob[], kind: string, type: string): File {
  const now = new Date();
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()]
    .map((value) => String(value).padStart(2, "0"))
    .join(".");
  const suffix = type.includes("mp4") ? "m4a" : type.includes("ogg") ? "ogg" : "webm";
  return new File(pieces, `${kind} ${time}.${suffix}`, { type });
}

const blocked = (): Problem =>
  ownProblem(
    "Browsers give no microphone to this address",
    "They do for https addresses and for localhost. Open the page by one of these: the server speaks https with tls_cert and tls_key.",
  );

function problemOf(error: unknown): Problem {
  const name = error instanceof DOMException ? error.name : "";
  switch (name) {
    case "NotAllowedError":
      return ownProblem(
        "The microphone is not allowed",
        "Allow it for this page where the address is shown, or in the system's settings for privacy, and try again.",
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return ownProblem(
        "There is no microphone",
        "Plug one in, or choose another one, and try again.",
      );
    case "NotReadableError":
      return ownProblem(
        "The microphone cannot be read",
        "Another program may be using it alone. Close that one and try again.",
      );
    default:
      return ownProblem("The microphone could not be opened", String(error));
  }
}
