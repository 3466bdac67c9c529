// Turns are what the events made of them, and sound keeps its length and loudness.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "../src/resample";
import { textOf } from "../src/transcript";
import {
  after,
  bySpeakers,
  cutOff,
  cuesOfTurns,
  startOf,
  withSame,
  type LiveEvent,
  type Turn,
} from "../src/turns";

const T = "conversation.item.input_audio_transcription";

const shown = (events: LiveEvent[]) =>
  events.reduce<readonly Turn[]>(after, []).map((turn) => ({
    text: turn.words.map(({ text }) => text).join(""),
    tentative: turn.tentative,
    isFinal: turn.isFinal,
  }));

test("deltas stay, what is tentative is replaced, and the end is final", () => {
  const events: LiveEvent[] = [
    { type: "session.created" },
    { type: "input_audio_buffer.speech_started", item_id: "a", audio_start_ms: 250 },
    { type: `${T}.tentative`, item_id: "a", text: "Hell" },
    {
      type: `${T}.delta`,
      item_id: "a",
      delta: "Hello",
      words: [{ word: "Hello", start: 0.5, end: 1 }],
    },
    { type: `${T}.tentative`, item_id: "a", text: " their" },
  ];
  assert.deepEqual(shown(events), [{ text: "Hello", tentative: " their", isFinal: false }]);
  events.push({ type: `${T}.delta`, item_id: "a", delta: " there." });
  assert.deepEqual(shown(events), [{ text: "Hello there.", tentative: "", isFinal: false }]);
  const words = [
    { word: "Hello", start: 0.5, end: 1 },
    { word: "there.", start: 1, end: 1.5 },
  ];
  events.push({ type: `${T}.completed`, item_id: "a", transcript: "Hello there.", words });
  assert.deepEqual(shown(events), [{ text: "Hello there.", tentative: "", isFinal: true }]);
  events.push({ type: `${T}.failed`, item_id: "b" });
  const turns = events.reduce<readonly Turn[]>(after, []);
  assert.deepEqual(turns.map(startOf), [0.25, 0]);
  assert.deepEqual(
    cuesOfTurns(turns).map((cue) => [cue.start, cue.end, textOf(cue)]),
    [[0.5, 1.5, "Hello there."]],
  );
});

test("words have speakers, of whom two may be the same", () => {
  const words = [
    { word: "Late?", start: 0, end: 1, speaker: "A" },
    { word: "No.", start: 1, end: 2, speaker: "B" },
    { word: "Good.", start: 2, end: 3, speaker: "C" },
  ];
  const turns = [
    { type: `${T}.delta`, item_id: "a", delta: "Late? No. Good.", words },
    {
      type: `${T}.completed`,
      item_id: "a",
      transcript: "Late? No. Good.",
      words,
      languages: [{ code: "en" }],
    },
  ].reduce<readonly Turn[]>(after, []);
  const said = (of: readonly Turn[]) =>
    of
      .flatMap(bySpeakers)
      .map((piece) => [piece[0]?.speaker, piece.map(({ text }) => text).join("")]);
  assert.deepEqual(turns[0]?.languages, ["en"]);
  assert.deepEqual(said(turns), [
    ["A", "Late?"],
    ["B", " No."],
    ["C", " Good."],
  ]);
  assert.deepEqual(said(withSame(turns, { C: "B" })), [
    ["A", "Late?"],
    ["B", " No. Good."],
  ]);
  assert.deepEqual(said(withSame(turns, {})), said(turns));
});

test("what was tentative stays when the stream is cut off", () => {
  const turns = after(after([], { type: `${T}.delta`, item_id: "a", delta: "And so" }), {
    type: `${T}.tentative`,
    item_id: "a",
    text: "my fellow",
  });
  const [turn] = turns.map(cutOff);
  assert.deepEqual(
    turn?.words.map(({ text, probability }) => [text, probability]),
    [
      ["And", 1],
      [" so", 1],
      [" my", 0],
      [" fellow", 0],
    ],
  );
  assert.deepEqual([turn?.tentative, turn?.isFinal], ["", true]);
});

test("sound has the length and loudness it had, however it is cut", () => {
  for (const rate of [48_000, 44_100, 24_000]) {
    const resampler = new Resampler(rate, 24_000);
    const made: number[] = [];
    for (let at = 0; at < rate; at += 128) {
      const samples = Float32Array.from(
        { length: Math.min(128, rate - at) },
        (_, i) => 0.5 * Math.sin(((at + i) / rate) * 2 * Math.PI * 200),
      );
      made.push(...resampler.convert(samples));
    }
    assert.ok(Math.abs(made.length - 24_000) <= 1, `${rate}: ${made.length}`);
    const power = Math.sqrt(
      made.reduce((sum, value) => sum + (value / 32767) ** 2, 0) / made.length,
    );
    assert.ok(Math.abs(power - 0.5 / Math.SQRT2) < 0.01, `${rate}: ${power}`);
  }
  assert.deepEqual(
    [...new Resampler(24_000, 24_000).convert(Float32Array.of(2, -2, 0))],
    [32767, -32767, 0],
  );
});
