"""Build the wheels, look inside them, and run them from an environment that has no checkout.

Knows nothing about what the program does beyond the commands it runs.

Needs the development environment, whose packages the fresh one sees; nothing is fetched.
``--transcribe`` also transcribes the sample with the tiny.en model, which must be in the cache.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "auricle"
BENCH = ROOT / "bench"
IGNORED = {"__pycache__", ".DS_Store"}
SAID = "ask what you can do for your country"


def build(folder: Path, project: Path = ROOT, name: str = "auricle") -> Path:
    """The wheel of a project, built by the backend it names."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(project)]
    scripts = sysconfig.get_path("scripts")  # uv_build finds its program there
    path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    subprocess.run(command, check=True, env={**os.environ, "PATH": path})
    (wheel,) = folder.glob(f"{name}-*.whl")
    return wheel


def missing(wheel: Path) -> list[str]:
    """Files of the package, and licences, that the wheel should have and has not."""
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    source = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and not IGNORED & set(path.parts)
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    licences = {
        f"auricle-{project['version']}.dist-info/licenses/{name}"
        for name in project["license-files"]
    }
    return sorted((source | licences) - inside)


def install(wheel: Path, folder: Path) -> Path:
    """The wheel alone in a new environment; a path file lends it the packages of this one.

    Returns the folder of its programs.
    """
    venv.create(folder, with_pip=False)
    add(wheel, folder)
    variables = {"base": str(folder), "platbase": str(folder)}
    site_packages = Path(sysconfig.get_path("purelib", "venv", variables))
    # Appended to the path, so the wheel comes first; path files inside it are not followed, so
    # the checkout, installed there as editable, stays out of sight.
    (site_packages / "lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return Path(sysconfig.get_path("scripts", "venv", variables))


def add(wheel: Path, environment: Path) -> None:
    """Install a wheel there, and nothing that it needs."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    command += ["--python", str(environment), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, check=True)


def check_bench(program: Path, folder: Path) -> None:
    """``auricle bench`` says what to install, and is there once that is done."""
    without = run(program, "bench", "--help", folder=folder)
    assert "auricle[bench]" in without, without
    add(build(folder, BENCH, "auricle_bench"), folder / "environment")
    with_it = run(program, "bench", "--help", folder=folder)
    assert "--concurrency" in with_it, with_it


def run(program: Path, *arguments: str, folder: Path) -> str:
    """Standard output of ``auricle arguments``, run far from the checkout."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(program), *arguments], cwd=folder, env=environ, check=True, stdout=subprocess.PIPE
    )
    return done.stdout.decode()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transcribe", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wheel = build(folder)
        lacking = missing(wheel)
        if lacking:
            print(f"{wheel.name} lacks", *lacking, sep="\n  ")
            return 1
        programs = install(wheel, folder / "environment")
        program = programs / ("auricle.exe" if sys.platform == "win32" else "auricle")
        print(run(program, "--version", folder=folder), end="")
        print(run(program, "doctor", "--model", "tiny.en", folder=folder).splitlines()[-1])
        check_bench(program, folder)
        if arguments.transcribe:
            sample = str(ROOT / "samples" / "jfk.wav")
            text = run(program, "transcribe", "--model", "tiny.en", sample, folder=folder)
            if SAID not in text:
                print(f"the installed wheel heard something else: {text}")
                return 1
            print(text, end="")
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, complete, and runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
