// OpenAI's JavaScript SDK in the major named by the first argument: calls from standard input,
// outcomes to standard output. Knows nothing about what the outcomes should be.

import fs from "node:fs";
import { text } from "node:stream/consumers";

const library = `openai${process.argv[2]}`;
const { default: OpenAI, APIError, toFile } = await import(library);

async function recording({ path, name, mime, chunked }) {
  if (chunked) return fs.createReadStream(path);
  const content = fs.readFileSync(path);
  return name ? new File([content], name, { type: mime }) : toFile(content);
}

async function call(baseURL, spec) {
  const client = new OpenAI({ baseURL, apiKey: spec.key, maxRetries: spec.retries });
  if (spec.operation === "models") {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return { value: ids, request_id: null };
  }
  const api = spec.operation === "translate" ? client.audio.translations : client.audio.transcriptions;
  const file = await recording(spec.upload);
  const fields = { model: spec.model, ...spec.fields };
  const body = spec.upload.first ? { file, ...fields } : { ...fields, file };
  const { data, request_id } = await api.create(body).withResponse();
  if (!spec.fields.stream) return { value: data, request_id };
  const events = [];
  for await (const event of data) events.push(event);
  return { value: events, request_id };
}

async function outcome(baseURL, spec) {
  try {
    return await call(baseURL, spec);
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    const { status, code, param, message, requestID } = error;
    return { error: error.constructor.name, status, code, param, message, request_id: requestID };
  }
}

const asked = JSON.parse(await text(process.stdin));
const outcomes = {};
for (const spec of asked.calls) outcomes[spec.name] = await outcome(asked.base_url, spec);
const manifest = new URL(`./node_modules/${library}/package.json`, import.meta.url);
const { version } = JSON.parse(fs.readFileSync(manifest, "utf8"));
process.stdout.write(JSON.stringify({ version, outcomes }));
