"""Ask whether a known weakness is in any package that Auricle installs.

Knows nothing about where advisories come from: pip-audit asks for each package of the lock file.
One it could not ask about counts as not audited, which is told apart from one without advisories.

Exits with 1 if there is a weakness, and with 2 if something was not audited; with ``--or-say`` the
second is told, but no failure: for checks that must run where no advisory source can be reached.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "runtime.lock"
WAIT_S = 120


@dataclass(frozen=True, slots=True)
class Audit:
    """Packages by name: those asked about, the advisories of each, and those nobody knows of."""

    audited: tuple[str, ...]
    weaknesses: dict[str, list[str]]
    skipped: tuple[str, ...]

    @classmethod
    def of(cls, report: dict[str, Any]) -> Audit:
        """What pip-audit reports as JSON."""
        found = report["dependencies"]
        return cls(
            tuple(each["name"] for each in found if "vulns" in each),
            {e["name"]: [v["id"] for v in e["vulns"]] for e in found if e.get("vulns")},
            tuple(each["name"] for each in found if "skip_reason" in each),
        )


def audited(pip_audit: str) -> Audit | str:
    """What the program finds, or why it finds nothing."""
    command = [pip_audit, "--disable-pip", "--require-hashes", "-r", str(LOCK)]
    command += ["--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {WAIT_S} s"
    try:
        return Audit.of(json.loads(done.stdout))
    except ValueError:
        return (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]


def said(audit: Audit | str) -> tuple[int, str]:
    """The exit code, and what to print."""
    if isinstance(audit, str):
        return 2, f"NOT AUDITED: {audit}"
    if audit.weaknesses:
        lines = [f"{name}: {', '.join(ids)}" for name, ids in audit.weaknesses.items()]
        return 1, "\n".join(["known weaknesses:", *lines])
    if audit.skipped or not audit.audited:
        n, total = len(audit.skipped), len(audit.skipped) + len(audit.audited)
        return 2, f"NOT AUDITED: {n} of {total} packages, of which the advisory source said nothing"
    return 0, f"no known weakness in {len(audit.audited)} packages"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pip_audit", help="the program")
    parser.add_argument("--or-say", action="store_true")
    given = parser.parse_args()
    code, text = said(audited(given.pip_audit))
    print(text)
    return 0 if code == 2 and given.or_say else code


if __name__ == "__main__":
    sys.exit(main())
