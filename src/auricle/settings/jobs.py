"""The settings of a server's stored jobs: where they are kept, how many, and what they may reach.

Knows nothing about what a job is. They are part of ``config.Settings``.
"""

# ruff: noqa: RUF009  # a setting is declared by a call that makes a dataclass field

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from auricle.settings.server import ServerSettings
from auricle.settings.setting import setting

_setting = partial(setting, server_only=True)

_HOSTS = r"\*|[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?"
_HOSTS_SAID = "example.com, example.com:8443, [::1]:8443 or *"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings(ServerSettings):
    """What ``/v1/jobs``, ``/v1/files`` and ``/v1/batches`` may take."""

    # Jobs
    data_dir: Path | None = setting(
        None,
        "folder in which jobs, files and batches are kept; default: the user's folder for data",
        not_empty=True,
    )
    max_jobs: int = _setting(
        10_000,
        "jobs kept at one time, those that have ended too; one more is answered 429; 0: none are "
        "taken at all, nor files and batches",
        low=0,
        high=1_000_000,
    )
    max_jobs_per_client: int = _setting(
        0, "the same for one client; 0 is half of max_jobs", low=0, high=1_000_000
    )
    max_jobs_mb: int = _setting(
        20 * 1024,
        "what recordings and results of jobs, and files, may take at one time, MiB; more is "
        "answered 507",
        low=1,
        high=1024 * 1024 * 1024,
    )
    jobs_at_once: int = _setting(
        2,
        "jobs in work at one time: while one ends, the next already fills the batches",
        low=1,
        high=64,
    )
    keep_jobs_h: int = _setting(
        7 * 24, "how long a job and its result are kept after its end, hours", low=1, high=10 * 8760
    )
    job_folder: Path | None = _setting(
        None,
        "folder whose files a job may name by their path in it; default: none may be named",
        not_empty=True,
    )
    job_url_hosts: tuple[str, ...] = _setting(
        (),
        "hosts from which a job may fetch its recording, with or without a port; * is every host "
        "with a public address. One that is named may have any address",
        pattern=_HOSTS,
        examples=_HOSTS_SAID,
    )
    job_url_s: int = _setting(
        600, "how long fetching a recording may take, seconds", low=1, high=86400
    )
    webhook_hosts: tuple[str, ...] = _setting(
        (),
        "hosts that may be told of a job's end, in the same words",
        pattern=_HOSTS,
        examples=_HOSTS_SAID,
    )
    webhook_secret: str | None = _setting(
        None,
        "secret that signs what webhooks are told: whsec_ and base64; a job may bring its own",
        secret=True,
        not_empty=True,
    )
