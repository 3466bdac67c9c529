#!/usr/bin/env node
// Transcribes a recording with OpenAI's package for Node (npm install) and Auricle.
import fs from "node:fs";
import { parseArgs } from "node:util";
import OpenAI, { APIConnectionError, APIError } from "openai";

const HELP = `transcribe.mjs [options] FILE
  --url URL          of the server; else AURICLE_URL, else http://localhost:50060
  --model NAME       whisper-1 is the model the server was started with
  --language CODE    de, en, ...; else it is detected
  --translate        into English; with --format only
  --words            each word with its times
  --stream           text while it is recognised
  --format FORMAT    text, srt, vtt or verbose_json
  --progress         of the upload
A server that wants a key gets AURICLE_API_KEY.`;

const LONGEST_WAIT_MS = 3_600_000; // a slow machine takes this long for hours of audio

function options() {
  const text = { type: "string" };
  const flag = { type: "boolean" };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: { ...text, default: process.env.AURICLE_URL ?? "http://localhost:50060" },
      model: { ...text, default: "whisper-1" }, language: text, format: { ...text, default: "text" },
      words: flag, stream: flag, translate: flag, progress: flag, help: flag,
    },
  });
  if (values.help) return values;
  if (positionals.length !== 1) throw new TypeError("which recording? see --help");
  fs.accessSync(positionals[0], fs.constants.R_OK);
  return { ...values, file: positionals[0] };
}

/** A `fetch` that tells how much of the recording was sent; the package streams it from disk. */
function counting(size) {
  return (url, init) => {
    let nSent = 0;
    const counter = new TransformStream({
      transform(piece, controller) {
        nSent += piece.length;
        process.stderr.write(`\rsent ${Math.min(100, Math.floor((100 * nSent) / size))} %`);
        controller.enqueue(piece);
      },
      flush: () => void process.stderr.write("\n"),
    });
    return fetch(url, { ...init, body: init.body.pipeThrough(counter), duplex: "half" });
  };
}

async function show(given) {
  const { file, url, model, language, format, words, stream } = given;
  const client = new OpenAI({
    baseURL: `${url.replace(/\/+$/, "").replace(/\/v1$/, "")}/v1`,
    apiKey: process.env.AURICLE_API_KEY ?? "unused",
    timeout: LONGEST_WAIT_MS,
    ...(given.progress && { fetch: counting(fs.statSync(file).size) }),
  });
  const fields = { file: fs.createReadStream(file), model, ...(language && { language }) };
  if (given.translate) {
    const answer = await client.audio.translations.create({ file: fields.file, model, response_format: format });
    process.stdout.write(typeof answer === "string" ? answer : JSON.stringify(answer, null, 2));
  } else if (stream) {
    for await (const event of await client.audio.transcriptions.create({ ...fields, stream: true })) {
      if (event.type === "transcript.text.delta") process.stdout.write(event.delta);
    }
    console.log();
  } else if (words) {
    const wanted = { response_format: "verbose_json", timestamp_granularities: ["word"] };
    const answer = await client.audio.transcriptions.create({ ...fields, ...wanted });
    for (const { word, start, end } of answer.words) console.log(`${start}\t${end}\t${word}`);
  } else {
    const answer = await client.audio.transcriptions.create({ ...fields, response_format: format });
    process.stdout.write(typeof answer === "string" ? answer : JSON.stringify(answer, null, 2));
  }
}

try {
  const given = options();
  if (given.help) console.log(HELP);
  else await show(given);
} catch (error) {
  const isConnection = error instanceof APIConnectionError;
  const said = isConnection ? `no answer: ${error.cause?.message ?? error.message}` : error.message;
  process.stderr.write(`transcribe.mjs: ${said}\n`);
  process.exitCode = isConnection ? 3 : error instanceof APIError ? 1 : 2;
}
