"""What a cluster is asked to run.

Knows nothing about Ray.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from auricle.errors import BadSetting
from auricle.models import registry
from auricle.settings.config import Settings

NO_LIMIT_MB = 16 * 1024 * 1024
"""More than engines take that are elsewhere."""

_NUMBERS: Mapping[str, Callable[[str], float]] = {
    "wait_s": float,
    "cpus": float,
    "gpus": float,
    "gateways": int,
}

_ALLOWED: Mapping[str, str] = {
    "engines": "MIN:MAX, such as 1:4",
    "wait_s": "seconds above 0",
    "cpus": "cores, at least 0",
    "gpus": "GPUs, at least 0; 0.5 for half of one",
    "gateways": "a number, at least 1",
}

NAMES = ("engines", "more_models", *_NUMBERS)
"""What may be given besides settings."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """``settings`` are those of a server; each engine takes those about engines."""

    settings: Settings
    more_models: tuple[str, ...] = ()
    """Models besides the settings' own that have engines."""
    min_engines: int = 1
    max_engines: int = 4
    """Engines of each model, as many as what waits asks for."""
    wait_s: float = 5.0
    """More engines are started while more work waits than they are predicted to do in so long."""
    cpus: float = 1.0
    """Cores that an engine reserves of its machine, and computes with."""
    gpus: float = 0.0
    gateways: int = 1
    """Processes that take requests."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_engines <= self.max_engines:
            engines = f"{self.min_engines}:{self.max_engines}"
            raise BadSetting(f"engines is {engines!r}; give {_ALLOWED['engines']}")
        for name, is_allowed in (
            ("wait_s", self.wait_s > 0),
            ("cpus", self.cpus >= 0),
            ("gpus", self.gpus >= 0),
            ("gateways", self.gateways >= 1),
        ):
            if not is_allowed:
                raise BadSetting(f"{name} is {getattr(self, name):g}; give {_ALLOWED[name]}")
        if self.settings.tls_cert is not None:
            raise BadSetting("Ray's proxies speak no TLS by tls_cert: put a proxy before them")
        if self.settings.model_path is not None:
            raise BadSetting(
                "each machine of a cluster fetches models itself: name one instead of model_path"
            )
        self.models  # noqa: B018  # may find fault with one

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have engines, the server's own first.

        Raises:
            BadSetting: one is not registered.
        """
        own = self.settings.model
        if registry.is_default_alias(own):
            own = registry.default_model("cuda" if self.gpus else "cpu")
        return tuple(dict.fromkeys(_registered(name) for name in (own, *self.more_models)))

    @classmethod
    def read(cls, settings: Settings, given: Mapping[str, object]) -> ClusterOptions:
        """Those that are written down by their names, ``engines`` as MIN:MAX and ``more_models``
        with commas; a value that is None is absent.

        Raises:
            BadSetting: a value is not allowed.
        """
        values: dict[str, Any] = {}
        for name, value in given.items():
            if value is None:
                continue
            try:
                match name:
                    case "engines":
                        low, high = str(value).split(":")
                        values["min_engines"], values["max_engines"] = int(low), int(high)
                    case "more_models":
                        values[name] = tuple(filter(None, str(value).split(",")))
                    case _:
                        values[name] = _NUMBERS[name](str(value))
            except ValueError as exc:
                raise BadSetting(f"{name} is {value!r}; give {_ALLOWED[name]}") from exc
        return cls(settings, **values)

    def of_gateways(self) -> Settings:
        """What those go by that take requests: they have no other models than engines have, none
        in their own memory, and several have no store for jobs in common."""
        return replace(
            self.settings,
            model=self.models[0],
            device="cpu",
            devices=(),
            memory_mb=NO_LIMIT_MB,
            load_on_request=False,
            idle_unload_s=0,
            max_jobs=self.settings.max_jobs if self.gateways == 1 else 0,
        )

    def of_engines(self) -> Settings:
        """What engines go by: the cores that are reserved for them are all that they use."""
        return replace(self.settings, threads=self.settings.threads or max(1, int(self.cpus)))


def _registered(name: str) -> str:
    model = registry.resolve(name)
    if model is None:
        raise BadSetting(
            f"each machine of a cluster fetches models itself, and nothing is known of `{name}`: "
            "'auricle models list' shows which are"
        )
    return model.id
