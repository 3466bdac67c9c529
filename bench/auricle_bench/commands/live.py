"""``auricle bench live``: how many live streams to play to which server.

Knows nothing about how they are played or measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from auricle_bench.commands.given import address_of, numbers_of, write

if TYPE_CHECKING:
    from auricle.cli.listening.remote_options import RemoteOptions
    from auricle_bench.live.played import Played
    from auricle_bench.live.run import Open, Streams

DEFAULT_STREAMS = "1,2,4,6,8,12,16,24,32"


@click.command()
@click.argument("url")
@click.option(
    "--corpus",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="folder of recordings with refs.jsonl, whose lines have words: [[word, start, end], …]",
)
@click.option("--languages", default="en", show_default=True, metavar="CODE,…")
@click.option(
    "--streams",
    default=DEFAULT_STREAMS,
    show_default=True,
    metavar="N,…",
    help="streams at a time, a line for each number",
)
@click.option(
    "--until-s",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="more streams are not tried once the 95th percentile of commitment is above this",
)
@click.option(
    "--seconds",
    type=click.FloatRange(5, 3600),
    default=40.0,
    show_default=True,
    help="how long each stream is, at least",
)
@click.option(
    "--dialect",
    type=click.Choice(("realtime", "deepgram")),
    default="realtime",
    show_default=True,
    help="OpenAI's /v1/realtime, or Deepgram's /v1/listen",
)
@click.option("--model", default="whisper-1", show_default=True, help="model name to send")
@click.option("--silence-s", type=click.FloatRange(0.1, 10), default=0.5, show_default=True)
@click.option("--detect-language", is_flag=True, help="do not send the language of the clips")
@click.option(
    "--offline", is_flag=True, help="also send what is played whole: its error rate in brackets"
)
@click.option("--pid", type=int, help="server process: report its processor time and memory")
@click.option("--api-key", help="key to send")
@click.option("--seed", default=0, show_default=True, help="of the order of clips")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write everything here")
def live(  # noqa: PLR0913  # click passes one argument per option
    url: str,
    corpus: Path,
    languages: str,
    streams: str,
    until_s: float,
    seconds: float,
    dialect: str,
    model: str,
    silence_s: float,
    detect_language: bool,
    offline: bool,
    pid: int | None,
    api_key: str | None,
    seed: int,
    json_file: Path | None,
) -> int:
    """Measure live streams: how soon words come, how often they change, how right they are.

    URL is any server that speaks OpenAI's Realtime API or Deepgram's, such as
    http://localhost:50060. Clips are played at the pace they are spoken, ever more streams at a
    time, until words are committed too late.
    """
    from auricle.cli.listening.remote_options import RemoteOptions
    from auricle_bench.live import played

    numbers = numbers_of("--streams", streams)
    codes = [code.strip() for code in languages.split(",")]
    if len(codes) > 1 and not detect_language:
        raise click.UsageError("several --languages need --detect-language")
    clips = played.timed_clips(corpus, codes)
    language = None if detect_language else codes[0]
    asked = RemoteOptions(address_of(url), model, language, silence_s, api_key)
    plays = [played.streams(corpus, clips, n, seconds, seed) for n in numbers]
    whole = asked if offline else None
    results = _measure(_opener(dialect, asked), plays, pid, until_s, whole)
    if json_file is not None:
        about = {"url": url, "dialect": dialect, "model": model, "seed": seed, "seconds": seconds}
        document = msgspec.json.encode({**about, "streams": results})
        write(json_file, msgspec.json.format(document, indent=1))
    return 0 if any(each.n_failed < each.n_streams for each in results) else 1


def _opener(dialect: str, asked: RemoteOptions) -> Open:
    from auricle.cli.listening import remote
    from auricle_bench.live import deepgram

    if dialect == "deepgram":
        return lambda: deepgram.opened(asked)
    return lambda: remote.opened(asked)


def _measure(
    open_speech: Open,
    plays: list[list[Played]],
    pid: int | None,
    until_s: float,
    whole: RemoteOptions | None,
) -> list[Streams]:
    import asyncio

    from auricle_bench.live import report
    from auricle_bench.live.offline import error_rate
    from auricle_bench.live.run import measured

    results: list[Streams] = []
    print(report.line(report.HEADINGS), flush=True)
    for played in plays:
        found = asyncio.run(measured(open_speech, played, pid))
        if whole is not None:
            rate = error_rate(whole, played)
            found = msgspec.structs.replace(found, offline_error_rate=rate)
        results.append(found)
        print(report.line(report.row(found)), flush=True)
        for remark in report.remarks(found):
            print(" " * 9 + remark, flush=True)
        if found.n_failed or found.commit is None or found.commit.p95_s > until_s:
            break
    return results
