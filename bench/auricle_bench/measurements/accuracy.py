"""Word error rate by language: Auricle beside its peers on the same clips and weights.

Knows nothing about how any of them transcribes; all are asked over HTTP. What peers said is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from auricle_bench.clips import Clip
from auricle_bench.measurements import asking, compared, peer_texts, server
from auricle_bench.measurements.compared import OURS, Compared
from auricle_bench.measurements.figures import RESULTS, Figures
from auricle_bench.measurements.peer_texts import PeerText, Run
from auricle_bench.measurements.server import BATCHED, FASTER, OPENAI, Peer
from auricle_bench.measurements.setup import Fields, Setup, every
from auricle_bench.target import Target

KEPT_AT_ONCE = 8
"""Texts of a peer are kept after so many clips, so that a run can be stopped and go on."""


def run(setup: Setup) -> Figures:
    found = every(setup.clips(), setup.n_clips)
    english = [clip for clip in found if clip.language == "en"]
    detected = [] if setup.quick else [Run(OURS, "base", 5, detected=True)]
    base = [Run(OURS, "base", 5), Run(OURS, "base", 1), *detected]
    tiny = [Run(OURS, "tiny.en", 5), Run(OURS, "tiny.en", 1)]
    return figures_of([_compared(base, found, setup), _compared(tiny, english, setup)])


def figures_of(models: Sequence[Sequence[Compared]]) -> Figures:
    """Tables of what was compared, model by model, and of the clips that were lost."""
    everything = [each for model in models for each in model]
    _keep_texts(everything)
    reasons = compared.reasons()
    lost = [
        compared.losses(given, reasons.get(given[0].run.model, {}))
        for model in models
        if (given := [each for each in model if not each.run.detected])
    ]
    return Figures(
        [*(compared.table(each) for each in everything), *(table for table in lost if table.rows)],
        {"runs": [compared.data(each) for each in everything]},
        [*(compared.balance(each) for each in everything), *_versions(), *server.absent()],
    )


def _compared(runs: Sequence[Run], clips: Sequence[Clip], setup: Setup) -> list[Compared]:
    """Runs of one model. Peers are asked for the texts they lack; openai-whisper takes seconds a
    clip, so it is asked only with the language given, and not when it has to be quick."""
    ours = _auricle(runs, clips, setup.fields)
    made = []
    for each, heard_by_us in zip(runs, ours, strict=True):
        for peer in (FASTER, BATCHED):
            _complete(peer, each, clips)
        if OPENAI.python and not each.detected and not setup.quick:
            _complete(OPENAI, each, clips)
        made += beside(each, clips, heard_by_us, peer_texts.read())
    return made


def beside(
    run: Run,
    clips: Sequence[Clip],
    ours: Mapping[str, str],
    kept: Mapping[Run, Mapping[str, PeerText]],
) -> list[Compared]:
    """Auricle's texts beside those of every peer that heard all clips; then, where one heard only
    some, those clips alone."""
    texts: dict[str, Mapping[str, str]] = {OURS: ours}
    partly: dict[str, Mapping[str, str]] = {}
    for peer in (FASTER.name, BATCHED.name, OPENAI.name):
        known: Mapping[str, str] = {
            name: line.text for name, line in kept.get(_of(peer, run), {}).items()
        }
        n_known = sum(clip.path.name in known for clip in clips)
        if n_known:
            (texts if n_known == len(clips) else partly)[peer] = known
    made = [compared.compared(run, clips, texts)] if len(texts) > 1 else []
    for peer, has in partly.items():
        some = [clip for clip in clips if clip.path.name in has]
        part = f", the {len(some)} of {len(clips)} clips that {peer} has heard"
        made.append(compared.compared(run, some, {**texts, peer: has}, part))
    return made


def _of(program: str, run: Run) -> Run:
    return Run(program, run.model, run.beams, run.detected)


def _auricle(runs: Sequence[Run], clips: Sequence[Clip], fields: Fields) -> list[dict[str, str]]:
    with server.auricle(runs[0].model) as running:
        return [
            _heard(
                Target(
                    running.url,
                    fields=(*fields, ("beam_size", str(each.beams))),
                    detect_language=each.detected,
                ),
                clips,
            )
            for each in runs
        ]


def _complete(peer: Peer, ours: Run, clips: Sequence[Clip]) -> None:
    """Keep what this version of a peer hears in every clip."""
    run, made = _of(peer.name, ours), peer.version()
    known = {name for name, line in peer_texts.read().get(run, {}).items() if line.version == made}
    missing = [clip for clip in clips if clip.path.name not in known]
    if not missing:
        return
    with server.peer(run.model, ["--beam", str(run.beams)], peer) as running:
        target = Target(running.url, detect_language=run.detected)
        for i in range(0, len(missing), KEPT_AT_ONCE):
            texts = _heard(target, missing[i : i + KEPT_AT_ONCE])
            peer_texts.add(PeerText(run, name, text, made) for name, text in texts.items())


def _heard(target: Target, clips: Sequence[Clip]) -> dict[str, str]:
    """Every clip's text by file name."""
    texts = asking.texts(target, clips)
    return {clip.path.name: text for clip, text in zip(clips, texts, strict=True)}


def _versions() -> list[str]:
    """What wrote the peers' texts, as one remark."""
    found = {line.version for lines in peer_texts.read().values() for line in lines.values()}
    return [f"Peers: {'; '.join(sorted(found))}."] if found else []


def _keep_texts(everything: Iterable[Compared]) -> None:
    """What was said and heard, for whoever looks into a difference; not kept with the project."""
    RESULTS.mkdir(exist_ok=True)
    lines = [line for each in everything for line in compared.texts(each)]
    (RESULTS / "accuracy-texts.tmp").write_text("\n".join(lines) + "\n", encoding="utf-8")
