// Cues keep the text and the times of words, whatever is done with them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsIn } from "../src/events";
import { clock, parsedClock, written } from "../src/formats";
import { begun, changed, redone, undone } from "../src/history";
import {
  bySpeaker,
  cuesOf,
  heardWords,
  merged,
  nameOf,
  renamed,
  retimed,
  retold,
  speakersOf,
  textOf,
  timedWords,
  wordAt,
  type SpokenWord,
  type Transcript,
  type Word,
} from "../src/transcript";

const spoken = (...texts: string[]): SpokenWord[] =>
  texts.map((word, i) => ({ word, start: i, end: i + 0.5, probability: 0.9 }));

const said = (text: string, speaker?: string): Word[] =>
  text.split(" ").map((word, i) => ({
    text: ` ${word}`,
    start: i / 4,
    end: i / 4 + 0.25,
    probability: 1,
    speaker,
  }));

const transcript = (text: string): Transcript => ({ cues: cuesOf(said(text), 0), names: {} });

test("text waits for the times of its words", () => {
  const early = heardWords(" One two", [], 0);
  assert.deepEqual(early, { words: [], untimed: " One two" });
  const { words, untimed } = heardWords(`${early.untimed} three`, spoken("One", "two", "three"), 0);
  assert.equal(words.map(({ text }) => text).join(""), " One two three");
  assert.deepEqual([words.map(({ start }) => start), untimed], [[0, 1, 2], ""]);
  assert.equal(heardWords(" One", undefined, 0).words.length, 1);
});

test("words take the white space before them, and lose nothing of the text", () => {
  const words = timedWords(" Hello,  you 你好。 ", spoken("Hello,", "you", "你好。"), 0);
  assert.deepEqual(
    words.map(({ text }) => text),
    [" Hello,", "  you", " 你好。 "],
  );
});

test("a word that the text does not have is still there", () => {
  const words = timedWords("one three", spoken("one", "two", "three"), 0);
  assert.deepEqual(
    words.map(({ text }) => text),
    ["one", " two", " three"],
  );
});

test("text without timed words gets its words at one time", () => {
  assert.deepEqual(
    timedWords("a b", [], 3).map(({ text, start }) => [text, start]),
    [
      ["a", 3],
      [" b", 3],
    ],
  );
});

test("cues end with sentences, and no cue is longer than can be read", () => {
  const text =
    "This is a sentence that is long enough. And this is the next one, which goes on and on, " +
    "until it is longer than two lines of a subtitle can hold.";
  const cues = cuesOf(said(text), 5);
  assert.deepEqual(cues.map(textOf), [
    "This is a sentence that is long enough.",
    "And this is the next one, which goes on and on,",
    "until it is longer than two lines of a subtitle can hold.",
  ]);
  assert.deepEqual(
    cues.map(({ id }) => id),
    [5, 6, 7],
  );
});

test("no lonely word is left over", () => {
  const words = said("a b c d e f g h i").map((word, i) => ({ ...word, start: i, end: i + 0.9 }));
  assert.deepEqual(
    cuesOf(words, 0).map(({ words: { length } }) => length),
    [6, 3],
  );
});

test("a cue ends where another speaks", () => {
  const cues = cuesOf([...said("one two", "A"), ...said("three", "B")], 0);
  assert.deepEqual(
    cues.map((cue) => [cue.speaker, textOf(cue)]),
    [
      ["A", "one two"],
      ["B", "three"],
    ],
  );
});

test("an edit keeps the times of the words that stay", () => {
  const [cue] = transcript("we saw the whale today").cues;
  assert.ok(cue);
  const edited = retold(cue, "we saw a big grey whale today");
  assert.equal(textOf(edited), "we saw a big grey whale today");
  assert.deepEqual(
    edited.words.map(({ start }) => start).filter((_, i) => [0, 1, 5, 6].includes(i)),
    [0, 0.25, 0.75, 1],
  );
  const between = edited.words.slice(2, 5);
  assert.ok(between.every(({ start, end }) => start >= 0.5 && end <= 0.75 + 1e-9 && end > start));
});

test("an edit keeps exactly the text that was written", () => {
  const [cue] = transcript("aa aa aa").cues;
  assert.ok(cue);
  for (const text of [
    "aa",
    "aa aa",
    "aa aa aa aa",
    "aab aa aa",
    "b",
    "aa aaa",
    "aa aa  aa",
    "x aa aa aa",
  ]) {
    assert.equal(textOf(retold(cue, text)), text);
  }
});

test("times stay in order and between those of the neighbours", () => {
  const three: Transcript = {
    cues: ["a", "b", "c"].flatMap((text, i) =>
      cuesOf([{ text, start: i, end: i + 1, probability: 1 }], i),
    ),
    names: {},
  };
  const [, middle] = three.cues;
  assert.ok(middle);
  const times = (start: number, end: number) => {
    const cue = retimed(three, middle, [start, end], 9).cues[1];
    return [cue?.start, cue?.end];
  };
  assert.deepEqual(times(1.2, 1.8), [1.2, 1.8]);
  assert.deepEqual(times(-5, 99), [0, 3]);
  assert.deepEqual(times(2, 1), [2, 2]);
  const last = three.cues[2];
  assert.ok(last);
  assert.equal(retimed(three, last, [2, 99], 3.5).cues[2]?.end, 3.5);
});

test("words are those of the segments that have their text", () => {
  const segments = [
    { speaker: "A", text: " Is it late?" },
    { speaker: "unknown", text: "" },
    { speaker: "unknown", text: " Hm." },
    { speaker: "B", text: " Not  yet." },
  ];
  const words = bySpeaker(said("Is it late? Hm. Not yet. More"), segments);
  assert.deepEqual(
    words.map(({ speaker }) => speaker),
    ["A", "A", "A", undefined, "B", "B", "B"],
  );
  assert.deepEqual(
    bySpeaker(said("a"), []).map(({ speaker }) => speaker),
    [undefined],
  );
});

test("speakers can be named and merged", () => {
  const two: Transcript = {
    cues: cuesOf([...said("one", "A"), ...said("two", "B")], 0),
    names: {},
  };
  assert.deepEqual(speakersOf(two), ["A", "B"]);
  assert.equal(nameOf(renamed(two, "A", "Ann"), "A"), "Ann");
  assert.deepEqual(speakersOf(merged(two, "B", "A")), ["A"]);
  assert.equal(written("txt", renamed(two, "A", "Ann"), "en"), "Ann: one\nB: two\n");
  assert.match(written("vtt", renamed(two, "A", "<Ann>"), "en"), /<v &lt;Ann&gt;>one\n/u);
});

test("the word at a time is the last that has begun", () => {
  const words = said("a b c");
  assert.deepEqual(
    [-1, 0, 0.2, 0.25, 9].map((time) => wordAt(words, time)),
    [-1, 0, 0, 1, 2],
  );
});

test("subtitles have their times, numbers and lines", () => {
  const words = said("And so, my fellow Americans, ask not what your country can do").map(
    (word) => ({ ...word, start: word.start + 3599.5, end: word.end + 3599.5 }),
  );
  const one: Transcript = {
    cues: [{ id: 0, start: 3599.5, end: 3602.9996, words, speaker: null }],
    names: {},
  };
  const text = "And so, my fellow Americans, ask\nnot what your country can do";
  assert.equal(written("srt", one, ""), `1\n00:59:59,500 --> 01:00:03,000\n${text}\n\n`);
  assert.equal(written("vtt", one, ""), `WEBVTT\n\n00:59:59.500 --> 01:00:03.000\n${text}\n\n`);
});

test("subtitles are broken where somebody broke them, and text is not", () => {
  const [cue] = transcript("One line and the other").cues;
  assert.ok(cue);
  const broken: Transcript = { cues: [retold(cue, "One line\n \nand the other")], names: {} };
  assert.match(written("srt", broken, ""), /\nOne line\nand the other\n\n$/u);
  assert.match(written("vtt", broken, ""), /\nOne line\nand the other\n\n$/u);
  assert.equal(written("txt", broken, ""), "One line and the other\n");
});

test("clocks are read as they are written", () => {
  for (const [seconds, shown] of [
    [0, "0:00.00"],
    [83.4, "1:23.40"],
    [3723.05, "1:02:03.05"],
  ] as const) {
    assert.equal(clock(seconds, 2), shown);
    assert.ok(Math.abs((parsedClock(shown) ?? NaN) - seconds) < 1e-9);
  }
  assert.deepEqual(["83", "1:23,4", "", "a", "1:2:3:4", "-1"].map(parsedClock), [
    83,
    83.4,
    null,
    null,
    null,
    null,
  ]);
});

test("events are found however the stream is cut", () => {
  assert.deepEqual(eventsIn("event: a\ndata: 1\n\n: keep-alive\n\ndata: 2\n\ndata: 3"), {
    data: ["1", "2"],
    rest: "data: 3",
  });
  assert.deepEqual(eventsIn(""), { data: [], rest: "" });
});

test("what is undone can be done again, until something else is done", () => {
  const three = changed(changed(begun("a"), "b"), "c");
  assert.equal(undone(undone(undone(three))).present, "a");
  assert.equal(redone(undone(three)).present, "c");
  assert.equal(redone(changed(undone(three), "d")).present, "d");
});
