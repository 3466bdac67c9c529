"""Special ids from the model's own files; ids to text and back, with and without tokenizer.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from auricle.errors import ModelUnusable
from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper.languages import NAMES
from auricle.whisper.vocabulary import Vocabulary, read_tokens

TEXTS = [
    "Hello, world!",
    " And so, my fellow Americans: ask not what your country can do for you.",
    "it's we'll I'VE they'd  don't",
    "3.14 1,000,000 2026-11-22 №42",
    "  two  spaces\tand a tab\n\nand lines \r\n end ",
    "\u00a0no\u00a0break \u3000 wide\u2003em",
    "Привет, как дела? Ещё щётка.",
    "日本語のテキスト、句読点。カタカナ",
    "مرحبا بالعالم، كيف الحال؟",
    "中文测试，混合 English 和数字123",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "🎉👩‍👩‍👧 emoji 🏳️‍🌈 é e\u0301",
    "<|en|> is text here, like <|startoftranscript|> and <|0.00|>",
    "CamelCase snake_case --- ... !!! ??? (((x)))",
    "a" * 300,
    "\x00\x01\x7f",
    "",
]

GPT2_START = [chr(i) for i in [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]]
ALPHABET = [*GPT2_START, *(chr(0x100 + i) for i in range(256 - len(GPT2_START)))]
SPECIALS = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|yue|>"]
TASKS = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]


def write(folder: Path, words: list[str], ending: list[str]) -> Path:
    tokens = [*ALPHABET, *words, *SPECIALS, *TASKS, *ending]
    (folder / "vocabulary.json").write_text(json.dumps(tokens), encoding="utf-8")
    return folder


def test_small_multilingual_vocabulary(tmp_path):
    words = ["he", "Ġt", "Ġthe", ""]
    vocabulary = Vocabulary.load(write(tmp_path, words, ["<|nospeech|>", "<|notimestamps|>"]))
    assert (vocabulary.eot, vocabulary.sot) == (260, 261)
    assert vocabulary.languages == {"en": 262, "yue": 263}
    assert (vocabulary.translate, vocabulary.transcribe, vocabulary.sot_prev) == (264, 265, 267)
    assert (vocabulary.no_speech, vocabulary.no_timestamps) == (268, 269)
    assert vocabulary.first_timestamp == 270
    assert vocabulary.multilingual
    assert vocabulary.encode(" the he") == [258, 220, 256]
    assert vocabulary.decode([258, 260, 262, 270, 999, -1]) == " the"
    assert vocabulary.decode([vocabulary.encode("é")[0]]) == "\ufffd"
    assert vocabulary.decode_bytes(vocabulary.encode("é")[1:]) == "é".encode()[1:]


def test_english_vocabulary_and_the_other_name_for_silence(tmp_path):
    ending = ["<|nocaptions|>", "<|notimestamps|>", "<|0.00|>"]
    vocabulary = Vocabulary.load(write(tmp_path, [], ending))
    assert not vocabulary.multilingual
    assert vocabulary.no_speech == 264
    assert vocabulary.first_timestamp == 266


def test_a_retrained_vocabulary_without_tokenizer_json_is_refused(tmp_path):
    """Ids out of merge order would give wrong tokens, silently."""
    words = ["Ġthe", "Ġt", "he"]
    vocabulary = Vocabulary.load(write(tmp_path, words, ["<|nospeech|>", "<|notimestamps|>"]))
    assert vocabulary.decode([256]) == " the"
    with pytest.raises(ModelUnusable, match=r"copy the model's tokenizer\.json there"):
        vocabulary.encode("the")


def test_a_retrained_vocabulary_is_encoded_by_its_tokenizer_json(tmp_path):
    words = ["Ġthe", "Ġt", "he"]
    write(tmp_path, words, ["<|nospeech|>", "<|notimestamps|>"])
    tokens = [*ALPHABET, *words]
    model = BPE(
        {token: i for i, token in enumerate(tokens)}, [("Ġ", "t"), ("h", "e"), ("Ġt", "he")]
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(SPECIALS)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary.load(tmp_path)
    assert vocabulary.encode(" the he") == [256, 220, 258]
    assert vocabulary.decode(vocabulary.encode("<|en|>")) == "<|en|>"


def test_a_tokenizer_of_another_model_is_noticed(tmp_path):
    write(tmp_path, ["Ġthe", "Ġt", "he"], ["<|nospeech|>", "<|notimestamps|>"])
    shutil.copy(
        Path(__file__).parents[1] / "models" / "golden" / "tokenizer.json",
        tmp_path / "tokenizer.json",
    )
    with pytest.raises(ModelUnusable, match=r"tokenizer\.json does not match the vocabulary"):
        Vocabulary.load(tmp_path).encode("in")


def test_an_unreadable_tokenizer_is_named(tmp_path):
    write(tmp_path, ["Ġthe", "Ġt", "he"], ["<|nospeech|>", "<|notimestamps|>"])
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelUnusable, match=r"cannot read .*tokenizer\.json"):
        Vocabulary.load(tmp_path).encode("x")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (None, b"", "has no vocabulary.json or vocabulary.txt"),
        ("vocabulary.json", b'{"a": 1}', "cannot read"),
        ("vocabulary.txt", b"\xff\xfe", "cannot read"),
        ("vocabulary.txt", b"a\nb\n", r"lacks <\|startoftranscript\|>: not a Whisper model"),
    ],
)
def test_unusable_vocabularies(tmp_path, name, content, message):
    if name:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelUnusable, match=message):
        Vocabulary.load(tmp_path)


def test_text_vocabulary_keeps_the_empty_token(tmp_path):
    (tmp_path / "vocabulary.txt").write_text("a\n\n<|endoftext|>\n", encoding="utf-8")
    assert read_tokens(tmp_path) == ("a", "", "<|endoftext|>")


@pytest.mark.model
@pytest.mark.parametrize(
    ("name", "specials"),
    [
        ("tiny.en", (50257, 50256, 50358, 50357, 50360, 50361, 50362, 50363, False)),
        ("base", (50258, 50257, 50359, 50358, 50361, 50362, 50363, 50364, True)),
    ],
)
def test_real_special_ids(name, specials):
    v = Vocabulary.load(locate(name, Settings()).path)
    assert specials == (
        *(v.sot, v.eot, v.transcribe, v.translate, v.sot_prev),
        *(v.no_speech, v.no_timestamps, v.first_timestamp, v.multilingual),
    )
    assert list(v.languages) == list(NAMES)[:99]
    assert v.languages["en"] == v.sot + 1


@pytest.mark.model
@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_vocabulary_alone_agrees_with_tokenizer_json(name):
    """base's official file lost the first merge: " the" came out as two tokens the model never
    saw together. Put back, both ways give the same ids for every text."""
    folder = locate(name, Settings()).path
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    merges = content["model"]["merges"]
    if name == "base":
        assert len(merges) == 49_999
        merges.insert(0, "Ġ t")
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.encode_special_tokens = True
    vocabulary = Vocabulary.load(folder)
    for text in TEXTS:
        ids = vocabulary.encode(text)
        assert ids == tokenizer.encode(text, add_special_tokens=False).ids, text
        assert vocabulary.decode(ids) == text
        assert all(i < vocabulary.eot for i in ids)


@pytest.mark.model
def test_vocabularies_of_the_shapes_not_at_hand(tmp_path):
    """large-v3 adds a language and renames the token for silence; distil ones are JSON lists."""
    tokens = list(read_tokens(locate("base", Settings()).path))
    tokens.insert(tokens.index("<|su|>") + 1, "<|yue|>")
    tokens[tokens.index("<|nocaptions|>")] = "<|nospeech|>"
    (tmp_path / "vocabulary.json").write_text(json.dumps(tokens, indent=2))
    v = Vocabulary.load(tmp_path)
    assert len(v.tokens) == 51866
    assert list(v.languages) == list(NAMES)
    assert v.languages["yue"] == 50358
    assert (v.translate, v.transcribe, v.sot_prev) == (50359, 50360, 50362)
    assert (v.no_speech, v.no_timestamps, v.first_timestamp) == (50363, 50364, 50365)
    assert v.multilingual
    assert v.decode(v.encode(TEXTS[1])) == TEXTS[1]
