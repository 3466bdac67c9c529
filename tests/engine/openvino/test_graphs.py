"""The graphs compute what transformers computes, and are kept on disk safely."""

from __future__ import annotations

import hashlib
import mmap
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino")

import openvino

from auricle.decoding.network import NetworkFailed, Step
from auricle.engine.openvino import compiled, decoder, encoder
from auricle.engine.openvino.compiled import GIVE_BACK_EVERY_S, Compiled, GraphFiles, Threads
from auricle.engine.openvino.network import OpenVinoNetwork, cross_attention
from auricle.engine.openvino.shape import EXACT, Dimensions, Formats
from auricle.models.convert import convert
from auricle.models.weights import Weights
from tests.models.test_convert import GOLDEN

ONE = Threads(streams=1, cores=1)
EIGHT_BITS = Formats(encoder_int8=True, encoder_bf16=False, decoder_int8=True, shared_bf16=False)
END = 264
"""End-of-text in the golden vocabulary."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Weights:
    """Random ones, with 1776 tokens."""
    target = tmp_path_factory.mktemp("golden") / "converted"
    convert(GOLDEN, target)
    return Weights(target / "model.bin")


@pytest.fixture(scope="module")
def size(weights: Weights) -> Dimensions:
    return Dimensions.of(weights, END, ((1, 0), (0, 1)))


@pytest.fixture(scope="module")
def golden():
    return np.load(GOLDEN / "golden.npz")


def mel(golden) -> np.ndarray:
    features = np.zeros((80, 3000), np.float32)
    features[:, : golden["features"].shape[1]] = golden["features"]
    return features


def built(weights: Weights, size: Dimensions, formats: Formats, file: Path | None = None):
    """An encoder and a decoder; neither was taken from a file."""
    enc = compiled.compiled(
        lambda: encoder.build(weights, size, formats), bf16=False, threads=ONE, file=file
    )
    dec = compiled.compiled(
        lambda: decoder.build(weights, size, formats), bf16=False, threads=ONE, file=None
    )
    return enc, dec


def encoded(graph: Compiled, features: np.ndarray):
    with graph.request() as request:
        return cross_attention(request, features)


@pytest.mark.parametrize(("formats", "atol"), [(EXACT, 2e-3), (EIGHT_BITS, 0.3)])
def test_same_logits_as_transformers(weights, size, golden, formats, atol):
    enc, dec = built(weights, size, formats)
    shared = encoded(enc, mel(golden))
    ids = np.array([golden["prompt"]] * 2)
    suppress = np.zeros((1, END), np.float32)
    step = Step(ids, 0, np.arange(2, dtype=np.int32), np.full((2, 1), 3), suppress)
    with dec.request() as request:
        network = OpenVinoNetwork(request, size, formats, {1: shared, 2: shared})
        network.begin([1, 2])
        answers = network.step(step)
    logits = np.concatenate([answers.text, answers.rest], axis=2)
    np.testing.assert_array_equal(logits[0], logits[1])
    np.testing.assert_allclose(logits[0, 0], golden["logits"], atol=atol)
    text = answers.text[0, 0]
    np.testing.assert_array_equal(answers.top_ids[0, 0], np.argsort(-text)[:11])
    np.testing.assert_array_equal(answers.top_values[0, 0], np.sort(text)[::-1][:11])
    assert answers.log_sum[0, 0] == pytest.approx(np.log(np.exp(text).sum()), abs=1e-4)
    assert answers.attention is not None
    assert answers.attention.shape == (2, 2, 4, 1500)
    np.testing.assert_allclose(answers.attention.sum(axis=3), 1, rtol=1e-4)


def test_steps_are_the_whole_text_at_once(weights, size, golden):
    """Beams that swap places and windows that leave change nothing."""
    enc, dec = built(weights, size, EXACT)
    clips = {n: np.roll(mel(golden), 40 * n, axis=1) for n in range(3)}
    windows = {n: encoded(enc, clip) for n, clip in clips.items()}
    network = OpenVinoNetwork(dec.graph.create_infer_request(), size, EXACT, windows)
    suppress = np.zeros((1, END), np.float32)

    def told(windows, ids, n_before=0, parents=None):
        ids = np.array(ids)
        rows = np.arange(len(ids)) if parents is None else np.array(parents)
        last = np.full((len(ids), 1), -1)
        answers = network.step(Step(ids, n_before, rows.astype(np.int32), last, suppress))
        return np.concatenate([answers.text, answers.rest], axis=2)[:, 0]

    network.begin([0, 1, 2])
    told([0, 1, 2], [[265, 267]] * 3)
    told([0, 1, 2], [[7], [8], [9], [7], [8], [9]], 2, [0, 0, 1, 1, 2, 2])
    network.keep([0, 2])
    stepped = told([0, 2], [[1], [2], [3], [4]], 3, [1, 0, 5, 5])
    for row, (window, ids) in enumerate([(0, (8, 1)), (0, (7, 2)), (2, (9, 3)), (2, (9, 4))]):
        network.begin([window])
        whole = told([window], [[265, 267, *ids]])
        np.testing.assert_allclose(stepped[row], whole[0], atol=1e-4)


def test_a_graph_is_kept_and_a_damaged_one_is_made_again(weights, size, golden, tmp_path):
    file = tmp_path / "graphs" / compiled.file_name("encoder", weights.path, size, EXACT)
    first = encoded(built(weights, size, EXACT, file)[0], mel(golden))
    content = file.read_bytes()
    assert [each.name for each in file.parent.iterdir()] == [file.name]

    def never():
        raise AssertionError("it was made again")

    kept = compiled.compiled(never, bf16=False, threads=ONE, file=file)
    again = encoded(kept, mel(golden))
    np.testing.assert_array_equal(again["k0"], first["k0"])
    kept.give_back_file()
    again = encoded(kept, mel(golden))
    np.testing.assert_array_equal(again["v1"], first["v1"])
    for damaged in (b"", content[:100], content[:-1], content[:-9] + b"X" + content[-8:]):
        file.write_bytes(damaged)
        built(weights, size, EXACT, file)
        assert file.read_bytes()[-32:] == hashlib.sha256(file.read_bytes()[:-32]).digest()
    nowhere = tmp_path / "file" / "below"
    nowhere.parent.write_text("no folder")
    built(weights, size, EXACT, nowhere)


def test_a_file_that_is_whole_and_yet_no_graph_is_made_again(weights, size, golden, tmp_path):
    file = tmp_path / "encoder-model-0.graph"
    other = b"a graph of another time"
    file.write_bytes(other + hashlib.sha256(other).digest())
    shared = encoded(built(weights, size, EXACT, file)[0], mel(golden))
    assert shared["k0"].shape == (1, 2, 1500, 16)
    assert len(file.read_bytes()) > 10_000


def test_a_graph_that_fails_while_it_runs_answers_nothing(size):
    class Failing:
        def set_tensor(self, name, tensor):
            pass

        def infer(self, share_outputs):
            raise RuntimeError("could not execute a primitive")

    network = OpenVinoNetwork(Failing(), size, EXACT, {})
    suppress = np.zeros((1, END), np.float32)
    with pytest.raises(NetworkFailed, match="OpenVINO failed: could not execute a primitive"):
        network.step(
            Step(np.array([[1]]), 0, np.zeros(1, np.int32), np.zeros((1, 1), np.int64), suppress)
        )


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("std::bad_alloc"), "OpenVINO failed: std::bad_alloc"),
        (OSError(12, "Cannot allocate memory"), "Cannot allocate memory"),
        (MemoryError(), "OpenVINO failed: no memory"),
    ],
)
def test_a_window_that_there_is_no_memory_for_is_not_the_windows_fault(error, says):
    """It was: every request was a 500 from then on, while the other engine would have read it."""

    class Failing:
        def set_tensor(self, name, tensor):
            pass

        def infer(self, share_outputs):
            raise error

    with pytest.raises(NetworkFailed, match=says):
        cross_attention(Failing(), np.zeros((80, 200), np.float32))


def test_a_graph_that_there_is_no_memory_to_run_is_given_back_and_not_the_windows_fault():
    class Full(CountedGraph):
        def create_infer_request(self) -> str:
            raise RuntimeError("std::bad_alloc")

    full = Full()
    graph = Compiled(full)
    with pytest.raises(NetworkFailed, match="OpenVINO failed: std::bad_alloc"), graph.request():
        pass
    graph.give_back()
    assert full.n_released == 1


def test_a_graph_that_gives_nothing_is_no_answer(size):
    """As 8-bit ones did on processors without AVX-512, without an error."""

    class Empty:
        def set_tensor(self, name, tensor):
            pass

        def infer(self, share_outputs):
            pass

        def get_tensor(self, name):
            return openvino.Tensor(np.zeros((0, 1, END), np.float32))

    network = OpenVinoNetwork(Empty(), size, EXACT, {})
    suppress = np.zeros((1, END), np.float32)
    with pytest.raises(NetworkFailed, match=r"logits of shape \(0, 1, "):
        network.step(
            Step(np.array([[1]]), 0, np.zeros(1, np.int32), np.zeros((1, 1), np.int64), suppress)
        )


def test_old_graphs_of_a_model_are_forgotten(weights, size, tmp_path):
    for n in range(5):
        built(weights, size, EXACT, tmp_path / f"encoder-model-{n}.graph")
    (tmp_path / "decoder-model-0.graph").write_text("another part")
    built(weights, size, EXACT, tmp_path / "encoder-model-5.graph")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "decoder-model-0.graph",
        *(f"encoder-model-{n}.graph" for n in (3, 4, 5)),
    ]


def test_what_a_killed_process_left_unfinished_is_removed(weights, size, tmp_path):
    """The decoder of small would take half a gigabyte each time, for ever."""
    file = tmp_path / compiled.file_name("encoder", weights.path, size, EXACT)
    left, written = tmp_path / f"{file.name}.1.part", tmp_path / f"{file.name}.2.part"
    for part in (left, written):
        part.touch()
    os.utime(left, (0, 0))
    file.touch()
    renamed = tmp_path / "encoder-other.graph.3.part"  # by another process, since it was listed
    renamed.symlink_to(tmp_path / "nowhere")
    compiled._forget(file)
    assert sorted(tmp_path.iterdir()) == sorted([file, written, renamed])


def test_another_model_has_another_graph(weights, size, tmp_path):
    names = {
        compiled.file_name(part, weights.path, size, formats)
        for part in ("encoder", "decoder")
        for formats in (EXACT, EIGHT_BITS)
    }
    other = tmp_path / "model.bin"
    other.write_bytes(weights.path.read_bytes())
    names.add(compiled.file_name("encoder", other, size, EXACT))
    assert len(names) == 5


class OfAGraph:
    """What is kept for its next run, and its file: how often they were given back."""

    times = 0
    n_released = 0

    def give_back(self) -> None:
        self.n_released += 1

    def give_back_file(self) -> None:
        self.times += 1


class CountedGraph:
    """A compiled graph, and how often it let go of memory."""

    n_released = 0

    def create_infer_request(self) -> str:
        return "a request"

    def release_memory(self) -> None:
        self.n_released += 1


def test_memory_of_a_graph_is_given_back_while_nobody_runs_it():
    """OpenVINO would refuse to, and what it takes is in use."""
    counted = CountedGraph()
    graph = Compiled(counted)
    with graph.request() as first:
        with graph.request() as second:
            assert (first, second) == ("a request", "a request")
        graph.give_back()
        assert counted.n_released == 0
    graph.give_back()
    assert counted.n_released == 1


def test_what_the_first_run_of_each_stream_read_is_given_back_at_once():
    class Mapped:
        def __init__(self) -> None:
            self.advice: list[int] = []

        def madvise(self, option: int, /) -> None:
            self.advice.append(option)

    mapped = Mapped()
    graph = Compiled(CountedGraph(), mapped=mapped, n_first_runs=2)
    for _ in range(5):
        graph.ran()
    assert mapped.advice == [mmap.MADV_DONTNEED] * 2


def test_a_window_stays_what_it_is_when_others_are_encoded(weights, size, golden):
    """Keys and values are where the graph left them, and are not copied."""
    enc, _ = built(weights, size, EXACT)
    first = encoded(enc, mel(golden))
    before = {name: values.copy() for name, values in first.items()}
    encoded(enc, np.roll(mel(golden), 40, axis=1))
    enc.give_back()
    for name, values in first.items():
        np.testing.assert_array_equal(values, before[name])


def test_files_are_given_back_now_and_then():
    """After each short clip it took a tenth of its time."""
    times = iter((0.0, 1.0, GIVE_BACK_EVERY_S - 1, GIVE_BACK_EVERY_S, 2 * GIVE_BACK_EVERY_S - 1))
    files, graph = GraphFiles(lambda: next(times)), OfAGraph()
    files.add(graph)
    given = []
    for _ in range(5):
        files.give_back_files()
        given.append(graph.times)
    assert given == [1, 1, 1, 2, 2]
    assert graph.n_released == 2
