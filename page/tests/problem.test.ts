// What the server refuses is said in words for people, whatever it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lateError, refusal } from "../src/problem";

const header = (name: string) => ({ "retry-after": "7", "x-request-id": "req_1" })[name] ?? null;

const answer = (status: number, error: object | string) => ({
  status,
  body: typeof error === "string" ? error : JSON.stringify({ error }),
  header,
});

const CASES: [number, object | string, string][] = [
  [400, { message: "m", param: "file", code: "invalid_value" }, "This file cannot be read"],
  [400, { message: "m", param: "language", code: "invalid_value" }, "The server cannot do this"],
  [400, { message: "m", code: "unsupported_language" }, "The model does not know this language"],
  [401, { message: "m", code: null }, "The server wants a key"],
  [401, { message: "m", code: "invalid_api_key" }, "That key is not right"],
  [403, { message: "m", code: "origin_not_allowed" }, "This page may not use the server"],
  [403, { message: "m", code: "offline" }, "The server is offline"],
  [404, { message: "m", code: "model_not_found" }, "The server does not have this model"],
  [408, { message: "m" }, "The upload was too slow"],
  [413, { message: "m" }, "The file is too large for this server"],
  [429, { message: "m", code: "rate_limit_exceeded" }, "The server has too much to do"],
  [431, { message: "m" }, "The request is too long"],
  [500, { message: "m" }, "The server failed on this recording"],
  [502, "<html>Bad gateway</html>", "The server answered 502"],
  [503, { message: "m", code: "server_starting" }, "The server is still starting"],
  [503, { message: "m", code: "memory_budget" }, "There is no memory for the model"],
  [504, { message: "m", code: "deadline_exceeded" }, "It took longer than it may"],
  [507, { message: "m", code: "disk_full" }, "The server's disk is full"],
];

test("every refusal has a title, what the server said, and the request", () => {
  for (const [status, error, title] of CASES) {
    const found = refusal(answer(status, error));
    const detail = typeof error === "string" ? error : "m";
    assert.deepEqual(
      [found.title, found.detail, found.requestId, found.retryAfter, found.status],
      [title, detail, "req_1", 7, status],
    );
  }
});

test("an error after the answer had begun is one, and text is none", () => {
  const late = lateError(JSON.stringify({ error: { message: "m" } }), header);
  assert.deepEqual([late?.title, late?.detail], ["The server gave up half-way", "m"]);
  assert.equal(lateError(JSON.stringify({ type: "transcript.text.delta" }), header), null);
});
