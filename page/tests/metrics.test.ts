// Counts are summed as they should be, and figures between them survive a server's new start.

import assert from "node:assert/strict";
import { test } from "node:test";
import { between, countsIn, latency, throughput, type Sample } from "../src/metrics";

const TEXT = `# HELP auricle_audio_seconds_total x
auricle_audio_seconds_total 11.5
auricle_request_seconds_count{route="/v1/audio/transcriptions"} 2.0
auricle_request_seconds_count{route="/v1/audio/translations"} 1.0
auricle_request_seconds_count{route="/health"} 9.0
auricle_request_seconds_sum{route="/v1/audio/transcriptions"} 1.5
auricle_request_seconds_bucket{route="/v1/audio/transcriptions",le="1"} 7.0
auricle_model_requests{model="base"} 1.0
auricle_model_requests{model="small"} 1.0
auricle_backlog_seconds 4.5
auricle_stored_jobs{state="completed"} 2.0
auricle_stored_jobs{state="queued"} 1.0
`;

test("counts are summed over the labels that matter", () => {
  assert.deepEqual(countsIn(TEXT), {
    audio_s: 11.5,
    requests: 3,
    request_s: 1.5,
    inFlight: 2,
    backlog_s: 4.5,
    storedJobs: 3,
  });
  assert.deepEqual(countsIn(""), {
    audio_s: 0,
    requests: 0,
    request_s: 0,
    inFlight: 0,
    backlog_s: 0,
    storedJobs: 0,
  });
});

test("figures are those between two samples", () => {
  const sample = (at: number, audio_s: number, requests: number, request_s: number): Sample => ({
    at,
    counts: { audio_s, requests, request_s, inFlight: 0, backlog_s: 0, storedJobs: 0 },
  });
  const all = [
    sample(0, 0, 0, 0),
    sample(2000, 30, 2, 3),
    sample(4000, 30, 2, 3),
    sample(6000, 0, 0, 0),
  ];
  assert.deepEqual(between(all, throughput), [15, 0, 0]);
  assert.deepEqual(between(all, latency), [1.5, NaN, NaN]);
});
