// The JavaScript client against Auricle (AURICLE_URL) and against servers that misbehave.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { Auricle, AuricleError, EventReader } from "../../clients/javascript/auricle.js";

const WAV = new Blob(["RIFF, says the fake runtime, which looks at nothing"]);
const auricle = new Auricle({ baseUrl: process.env.AURICLE_URL });

/** A server that gives its answers in order, and keeps the bodies it was sent. */
async function scripted(answers, check) {
  const bodies = [];
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    bodies.push(Buffer.concat(pieces).toString());
    const [status, headers, ...body] = answers.shift();
    response.writeHead(status, headers);
    for (const piece of body) {
      await new Promise((written) => response.write(piece, written));
    }
    response.end();
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const client = new Auricle({ baseUrl: `http://127.0.0.1:${server.address().port}/v1/` });
  try {
    await check(client, bodies);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const BUSY = [429, { "retry-after-ms": "1" }, '{"error": {"message": "full", "code": "c"}}'];

async function collected(events) {
  const all = [];
  for await (const event of events) all.push(event);
  return all;
}

test("events come out whole however a stream is cut", () => {
  const stream = "\r\n: x\ndata: one\r\n\r\ndata: é\rdata:two\r\revent: y\ndata\n\ndata: lost\n";
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const reader = new EventReader();
      const pieces = [stream.slice(0, first), stream.slice(first, second), stream.slice(second)];
      assert.deepEqual(pieces.flatMap((piece) => reader.feed(piece)), ["one", "é\ntwo", ""]);
    }
  }
});

test("a transcription", async () => {
  const answer = await auricle.transcribe(WAV, { language: "en" });
  assert.equal(answer.text, "Hello there. And you.");
  assert.equal(answer.segments.length, 2);
  assert.match(answer.request_id, /^req_/);
});

test("subtitles are a string", async () => {
  const answer = await auricle.translate(WAV, { response_format: "srt" });
  assert.ok(answer.startsWith("1\n00:00:00"), answer);
});

test("a stream", async () => {
  const events = await collected(auricle.stream(WAV));
  assert.deepEqual(events.map((event) => event.delta ?? event.text), [
    "Hello there.", " And you.", "Hello there. And you.",
  ]);
});

test("models and health", async () => {
  assert.ok((await auricle.models()).some((model) => model.id === "whisper-1"));
  assert.equal((await auricle.health()).ready, true);
});

test("a refusal says what and why", async () => {
  await assert.rejects(auricle.transcribe(WAV, { language: "klingon" }), (error) => {
    assert.ok(error instanceof AuricleError);
    assert.deepEqual([error.status, error.param, error.code], [
      400, "language", "invalid_language_format",
    ]);
    return /^req_/.test(error.requestId);
  });
});

test("an upload reports its progress", async () => {
  const seen = [];
  const recording = new Blob([new Uint8Array(300_000)]);
  await auricle.transcribe(recording, { onProgress: (...now) => seen.push(now) });
  assert.deepEqual(seen.at(-1), [300_000, 300_000]);
  assert.ok(seen.every(([sent], i) => i === 0 || sent >= seen[i - 1][0]));
});

test("a retry sends the same again, and no more often than allowed", async () => {
  const part = (body) => body.split("\r\n").slice(1, -2).filter((line) => !line.startsWith("--"));
  await scripted([BUSY, BUSY, [200, {}, '  {"text": "hi"}']], async (client, bodies) => {
    assert.equal((await client.transcribe(WAV, { words: true })).text, "hi");
    assert.deepEqual(bodies.map(part), [part(bodies[0]), part(bodies[0]), part(bodies[0])]);
    assert.equal(bodies[0].split('name="timestamp_granularities[]"').length, 3);
  });
  await scripted([BUSY, BUSY, BUSY], async (client, bodies) => {
    await assert.rejects(client.transcribe(WAV), { message: "full", status: 429, code: "c" });
    assert.equal(bodies.length, 3);
  });
});

test("nothing is sent again that should not be", async () => {
  for (const advice of [{ "x-should-retry": "false" }, { "retry-after": "3600" }]) {
    await scripted([[503, advice, "<html>down"]], async (client, bodies) => {
      await assert.rejects(client.transcribe(WAV), { message: "<html>down", status: 503 });
      assert.equal(bodies.length, 1);
    });
  }
});

test("failures behind a good status are failures", async () => {
  const error = '{"error": {"message": "it broke"}}';
  await scripted([[200, {}, `   ${error}`]], async (client) => {
    await assert.rejects(client.transcribe(WAV), { message: "it broke", status: 200 });
  });
  await scripted([[200, {}, `data: ${error}\n\n`]], async (client) => {
    await assert.rejects(collected(client.stream(WAV)), { message: "it broke", status: 200 });
  });
  await scripted([[200, {}, "data: {}\n\n"]], async (client) => {
    await assert.rejects(collected(client.stream(WAV)), /ended before/);
  });
  await scripted([[200, {}, "<html>hello"]], async (client) => {
    await assert.rejects(client.transcribe(WAV), /no transcription: <html>hello/);
  });
});

test("a signal ends a request", async () => {
  const signal = AbortSignal.abort();
  await assert.rejects(auricle.transcribe(WAV, { signal }), { name: "AbortError" });
});

test("what is no recording or no address is refused at once", async () => {
  assert.throws(() => new Auricle({ baseUrl: "localhost:50060" }), /must begin with http/);
  await assert.rejects(auricle.transcribe("jfk.wav"), /must be a Blob or File/);
});
