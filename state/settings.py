"""Settings that stand in a file: `.streamlit/secrets.toml` of the user or of this folder, beside the environment.

Streamlit lets servers find such settings in their environment, but late, and servers alone. Here every process of
ours that begins something, server or command line, finds the same ones before anything asks for them. As with
Streamlit the file of this folder counts more than the user's, and both more than the environment.
"""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from state.home import ROOT

OURS = ("TORCHLIGHT_", "RAY_")


def secrets_files() -> tuple[Path, ...]:
    """The later, the more it counts."""
    return tuple(place / ".streamlit" / "secrets.toml" for place in (Path.home(), ROOT))


def settle(environment: MutableMapping[str, str] = os.environ, files: Sequence[Path] | None = None) -> None:
    """Take our settings from the files into the environment, where child processes find them too."""
    for file in secrets_files() if files is None else files:
        try:
            said = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:  # its words stay out of the log: they might hold what is secret
            logging.getLogger(__name__).warning("%s cannot be read (%s).", file, type(error).__name__)
            continue
        for name, value in said.items():
            if name.startswith(OURS) and isinstance(value, str | int | float) and not isinstance(value, bool):
                environment[name] = str(value)
