// Clients of other vendors, each asked for one recording as its users would. The first argument names
// the client; what is asked comes from standard input.
import { readFileSync, createReadStream } from "node:fs";
import { experimental_transcribe as transcribe } from "ai";
import { createAzure } from "@ai-sdk/azure";
import { createGroq } from "@ai-sdk/groq";
import { createOpenAI } from "@ai-sdk/openai";
import Groq from "groq-sdk";

const asked = JSON.parse(readFileSync(0, "utf8"));
const audio = () => readFileSync(asked.path);
const { url, key: apiKey, model } = asked;

const clients = {
  // Any provider option makes it ask for segments, which a format without them must not refuse.
  async ai() {
    const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
    const plain = await transcribe({ model: openai.transcription("whisper-1"), audio: audio() });
    const options = { openai: { language: "en" } };
    const gpt = await transcribe({
      model: openai.transcription("gpt-4o-transcribe"), audio: audio(), providerOptions: options,
    });
    const words = await transcribe({
      model: openai.transcription("whisper-1"), audio: audio(),
      providerOptions: { openai: { timestampGranularities: ["word"] } },
    });
    return { text: plain.text, gpt: gpt.text, words: words.segments.length };
  },
  async azure() {
    const azure = createAzure({ baseURL: `${url}/v1`, apiKey });
    const deployments = createAzure({ baseURL: `${url}/openai`, apiKey, useDeploymentBasedUrls: true });
    const ask = (provider) => transcribe({ model: provider.transcription("whisper-1"), audio: audio() });
    return { text: (await ask(azure)).text, deployments: (await ask(deployments)).text };
  },
  async "ai-groq"() {
    const groq = createGroq({ baseURL: `${url}/openai/v1`, apiKey });
    return { text: (await transcribe({ model: groq.transcription(model), audio: audio() })).text };
  },
  async groq() {
    const groq = new Groq({ baseURL: url, apiKey });
    const found = await groq.audio.transcriptions.create({ file: createReadStream(asked.path), model });
    return { text: found.text };
  },
};

process.stdout.write(JSON.stringify(await clients[process.argv[2]]()));
