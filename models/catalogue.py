"""Finds every experiment under `models`: a new family is a new file here and no edit elsewhere.

Experiments that live elsewhere join in by the environment: `TORCHLIGHT_EXPERIMENTS=my.module,another`.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Mapping
from typing import Any

import models
from models.experiment import BadExperiment, Experiment


def experiments() -> Mapping[str, type[Experiment]]:
    """Every experiment class by its name, in order of name."""
    for module in pkgutil.iter_modules(models.__path__, "models."):
        importlib.import_module(module.name)
    guests = [name for name in os.environ.get("TORCHLIGHT_EXPERIMENTS", "").split(",") if name]
    for name in guests:
        importlib.import_module(name)

    def below(cls: type[Experiment]) -> list[type[Experiment]]:
        return [cls, *(found for child in cls.__subclasses__() for found in below(child))]

    own = [cls for cls in below(Experiment)[1:] if cls.__module__.startswith("models.") or cls.__module__ in guests]
    return {cls.__name__: cls for cls in sorted(own, key=lambda cls: cls.__name__)}


def rebuild(name: str, knobs: Mapping[str, Any]) -> Experiment:
    """The experiment that a stored record or a link names; raises `BadExperiment`."""
    known = experiments()
    if name not in known:
        raise BadExperiment({"experiment": f"{name!r} is not one of {', '.join(known)}"})
    values = dict(knobs)
    if isinstance(values.get("changes"), list):
        values["changes"] = tuple(tuple(change) for change in values["changes"])
    return known[name].of(values)
