// Deepgram's JavaScript SDK in the major named by the first argument, 4 or 5: what is asked comes on
// standard input, what it got goes to standard output. Knows nothing about what that should be.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { text } from "node:stream/consumers";

const CHUNK_BYTES = 3200;
const HEADER_BYTES = 44;
const OPTIONS = {
  model: "nova-3",
  encoding: "linear16",
  sample_rate: 16000,
  interim_results: true,
  punctuate: true,
  vad_events: true,
  utterance_end_ms: 1000,
};

const major = process.argv[2];
const library = major === "5" ? "@deepgram/sdk" : "deepgram4";
const require = createRequire(import.meta.url);
const sdk = require(library);

function heard() {
  const kinds = new Set();
  const finals = [];
  let last = null;
  return {
    take(message) {
      kinds.add(message.type);
      last = message.type;
      if (message.type === "Results" && message.is_final) finals.push(message.channel.alternatives[0].transcript);
      if (message.event === "EndOfTurn") finals.push(message.transcript);
    },
    told: (more) => ({ text: finals.filter(Boolean).join(" "), kinds: [...kinds].sort(), last, ...more }),
  };
}

function* chunks(audio) {
  const samples = audio.subarray(HEADER_BYTES);
  for (let at = 0; at < samples.length; at += CHUNK_BYTES) yield samples.subarray(at, at + CHUNK_BYTES);
}

async function newest({ url, key, flux }, audio) {
  const ws = url.replace("http", "ws");
  const environment = { base: url, production: ws, agent: ws, agentRest: url };
  const client = new sdk.DeepgramClient({ apiKey: key, environment });
  const posted = await client.listen.v1.media.transcribeFile(audio, { model: "nova-3", smart_format: true });

  async function follow(connection) {
    const said = heard();
    const errors = [];
    let opened = 0;
    connection.on("open", () => (opened += 1));
    connection.on("message", said.take);
    connection.on("error", (error) => errors.push(String(error?.message ?? error)));
    const closed = new Promise((resolve) => connection.on("close", (event) => resolve(event.code)));
    connection.connect();
    await connection.waitForOpen();
    for (const chunk of chunks(audio)) connection.sendMedia(chunk);
    connection.sendCloseStream({ type: "CloseStream" });
    const code = await closed;
    return said.told({ errors, code, opened });
  }

  const live = await follow(await client.listen.v1.connect(OPTIONS));
  const turns = flux
    ? await follow(
        await client.listen.v2.connect({
          model: "flux-general-en",
          encoding: "linear16",
          sample_rate: 16000,
          eager_eot_threshold: 0.4,
        }),
      )
    : {};
  return { posted: posted.results.channels[0].alternatives[0].transcript, live, flux: turns };
}

async function older({ url, key }, audio) {
  const options = {
    global: { fetch: { options: { url } }, websocket: { options: { url: url.replace("http", "ws") } } },
  };
  const client = sdk.createClient(key, options);
  const { result, error } = await client.listen.prerecorded.transcribeFile(audio, {
    model: "nova-3",
    smart_format: true,
  });
  if (error) throw error;
  const said = heard();
  const errors = [];
  const connection = client.listen.live(OPTIONS);
  const { LiveTranscriptionEvents: events } = sdk;
  for (const event of [events.Transcript, events.Metadata, events.SpeechStarted, events.UtteranceEnd])
    connection.on(event, said.take);
  connection.on(events.Error, (failure) => errors.push(String(failure?.message ?? failure)));
  const closed = new Promise((resolve) => connection.on(events.Close, (event) => resolve(event.code)));
  await new Promise((resolve) => connection.on(events.Open, resolve));
  for (const chunk of chunks(audio)) connection.send(chunk.buffer.slice(chunk.byteOffset, chunk.byteOffset + chunk.length));
  connection.requestClose();
  const code = await closed;
  return {
    posted: result.results.channels[0].alternatives[0].transcript,
    live: said.told({ errors, code, opened: 1 }),
    flux: {},
  };
}

const asked = JSON.parse(await text(process.stdin));
const audio = fs.readFileSync(asked.audio);
const found = await (major === "5" ? newest : older)(asked, audio);
const manifest = path.join(import.meta.dirname, "node_modules", library, "package.json");
const { version } = JSON.parse(fs.readFileSync(manifest, "utf8"));
process.stdout.write(JSON.stringify({ version, ...found }), () => process.exit(0));
