#!/usr/bin/env node
/** An example: transcribe recordings from the command line. */
import { parseArgs } from "node:util";
import { Auricle, AuricleError } from "./auricle.js";
import { fromPath } from "./node.js";

const HELP = `node transcribe.js [options] FILE…

  --stream           write the text while it is recognised
  --translate        write it in English
  --format FORMAT    text (the default), json, verbose_json, srt or vtt
  --language CODE    language of the speech; found out when left out
  --model NAME       whisper-1, the default, is the model the server was started with
  --url URL          the server; otherwise AURICLE_URL, otherwise http://localhost:50060
  --help             this text

An API key is taken from AURICLE_API_KEY. Exit status: 0 done, 1 refused by the server, 2 wrong
option or file, 3 no server or a broken connection.`;

const string = { type: "string" };
const flag = { type: "boolean", default: false };
const options = {
  stream: flag, translate: flag, format: string, language: string, model: string, url: string,
  help: flag,
};

async function transcribe(client, recording, asked) {
  const common = { language: asked.language, model: asked.model };
  if (asked.stream) {
    const task = asked.translate ? "translate" : "transcribe";
    for await (const event of client.stream(recording, { ...common, task })) {
      if (event.type === "transcript.text.delta") process.stdout.write(event.delta);
    }
    process.stdout.write("\n");
    return;
  }
  const action = asked.translate ? "translate" : "transcribe";
  const all = { ...common, response_format: asked.format ?? "text" };
  const answer = await client[action](recording, all);
  const shown = typeof answer === "string" ? answer : JSON.stringify(answer, null, 2);
  process.stdout.write(shown.replace(/\n?$/, "\n"));
}

async function main() {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(HELP);
  if (positionals.length === 0) throw new TypeError("which recording? see --help");
  const baseUrl = values.url ?? process.env.AURICLE_URL;
  const client = new Auricle({ baseUrl, apiKey: process.env.AURICLE_API_KEY });
  for (const path of positionals) await transcribe(client, await fromPath(path), values);
}

function exitStatus(error) {
  if (!(error instanceof AuricleError)) return 2;
  return error.status === null ? 3 : 1;
}

try {
  await main();
} catch (error) {
  console.error(`transcribe.js: ${error.status ? `${error.status}: ` : ""}${error.message}`);
  process.exitCode = exitStatus(error);
}
