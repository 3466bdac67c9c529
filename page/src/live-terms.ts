// What is agreed on with the server about a stream: the key, what is asked, and why it ended.
// Knows nothing about sound or turns.

import { ownProblem, unreachable, type Problem } from "./problem";
import { fieldsOf, type Options } from "./request";
import { ask, key, Refused } from "./server";

const SILENCE_MS = 800;

/** The key as browsers can send it with a socket: one made for this, which is short and plain. */
export async function keyProtocol(): Promise<string[]> {
  if (!key.value) return [];
  const { value } = await ask<{ value: string }>("v1/realtime/client_secrets", { method: "POST" });
  return [`openai-insecure-api-key.${value}`];
}

export function sessionOf(options: Options): object {
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
export async function whyClosed(
  code: number,
  reason: string,
  hasOpened: boolean,
): Promise<Problem> {
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
