// OpenAI's JavaScript package with files and batches; see tests/sdk/drivers/batches.py.

import fs from "node:fs";
import { json } from "node:stream/consumers";

const { default: OpenAI, toFile } = await import(`openai${process.argv[2]}`);

const endpoint = "/v1/audio/transcriptions";
const asked = await json(process.stdin);
const client = new OpenAI({ baseURL: `${asked.url}/v1`, apiKey: asked.key });

const talk = await client.files.create({ file: fs.createReadStream(asked.path), purpose: "user_data" });
const data = fs.readFileSync(asked.path).toString("base64");
const bodies = {
  "by file": { model: asked.model, file_id: talk.id, response_format: "verbose_json" },
  inline: { model: asked.model, input_audio: { data }, response_format: "text" },
  wrong: { model: "no-such-model", file_id: talk.id },
};
const lines = Object.entries(bodies).map(([custom_id, body]) =>
  JSON.stringify({ custom_id, method: "POST", url: endpoint, body }),
);
const uploaded = await client.files.create({
  file: await toFile(Buffer.from(lines.join("\n")), "lines.jsonl"),
  purpose: "batch",
});
let batch = await client.batches.create({
  input_file_id: uploaded.id,
  endpoint,
  completion_window: "24h",
  metadata: { night: "monday" },
});
while (["validating", "in_progress", "finalizing"].includes(batch.status)) {
  batch = await client.batches.retrieve(batch.id);
}
const read = async (id) =>
  (await (await client.files.content(id)).text()).trim().split("\n").map((line) => JSON.parse(line));
const done = Object.fromEntries(
  (await read(batch.output_file_id)).map((line) => [line.custom_id, line.response.body]),
);
const wrong = await read(batch.error_file_id);
const listed = [];
for await (const each of client.batches.list()) listed.push(each.id === batch.id);
const files = [];
for await (const each of client.files.list()) files.push(each);
for (const each of files) await client.files.delete(each.id);
process.stdout.write(
  JSON.stringify({
    status: batch.status,
    counts: batch.request_counts,
    metadata: batch.metadata,
    "by file": done["by file"].text,
    inline: done.inline,
    wrong: wrong.map((line) => [line.custom_id, line.response.status_code]),
    listed,
    purposes: files.map((each) => each.purpose).sort(),
  }),
);
