// The client that openapi-ts makes of the document: transcribes, translates, lists models and
// reads an error. Type-checked before it runs.

import { readFileSync } from "node:fs";
import { createClient } from "./generated/client/index.js";
import { createTranscription, createTranslation, listModels } from "./generated/sdk.gen.js";
import type { Error as Refusal, ModelList, VerboseTranscription } from "./generated/types.gen.js";

const [baseUrl, auth, english, spanish] = process.argv.slice(2) as [string, string, string, string];
const client = createClient({ baseUrl, auth });
// Of the two bodies the document has, this generator takes the JSON one.
const recording = (path: string) => ({ data: readFileSync(path, "base64") });

const verbose = await createTranscription({
  client,
  body: {
    input_audio: recording(english),
    model: "tiny.en",
    response_format: "verbose_json",
    "timestamp_granularities[]": ["word", "segment"],
  },
});
const transcription = verbose.data as VerboseTranscription;
const translation = await createTranslation({
  client,
  body: { input_audio: recording(spanish), model: "base" },
});
const models: ModelList | undefined = (await listModels({ client })).data;
const refused = await createTranscription({ client, body: { input_audio: recording(english), model: "nowhere" } });
const refusal: Refusal | undefined = refused.error;

console.log(
  JSON.stringify({
    text: transcription.text,
    words: transcription.words?.length,
    translation: (translation.data as { text: string }).text,
    models: models?.data.map((model) => model.id),
    status: refused.response?.status,
    code: refusal?.error.code,
  }),
);
