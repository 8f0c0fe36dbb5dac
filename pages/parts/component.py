"""A component whose script is a file of its own: fetched once, not sent with every picture.

Streamlit sends a script that is given as text inside each message that mounts the component, uncompressed: 0.27 MB for
the living picture, at every change of it. Files are for components of installed packages; this registers ours as one.
The file's name carries a hash of its content, so a browser keeps it for good (`state/packing.py`). Where it cannot be
written, or another version of Streamlit has other names for this, the script travels as text.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.bidi_component import ComponentResult
from streamlit.components.v2.types import ComponentRenderer
from streamlit.runtime import Runtime

from state.home import home

OWNER = "torchlight"
REGISTERING = threading.Lock()


def component(name: str, *, html: str, css: str, js: str) -> Callable[..., ComponentResult]:
    """As `st.components.v2.component`, for the component `torchlight.<name>`."""

    @cache
    def renderer(script: str) -> ComponentRenderer:
        return st.components.v2.component(f"{OWNER}.{name}", html=html, css=css, js=script)

    def mount(**given: Any) -> ComponentResult:
        with REGISTERING:
            draw = renderer(served(name, js))
        return draw(**given)

    return mount


def served(name: str, script: str) -> str:
    """What Streamlit is to be told of the script: its file's name, or else the text itself."""
    if not Runtime.exists():
        return script
    try:
        manager: Any = Runtime.instance().bidi_component_registry
        file = file_of(name, script)
        if manager.get_component_asset_root(f"{OWNER}.{name}") is None:
            register(manager, name, file.parent)
    except (ImportError, AttributeError, TypeError, OSError):
        logging.getLogger(__name__).info("The script of %s travels as text.", name, exc_info=True)
        return script
    return file.name


def register(manager: Any, name: str, folder: Path) -> None:
    """Make a component known whose files lie in `folder`."""
    from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

    manifest = ComponentManifest(OWNER, "1", [ComponentConfig(name, folder.name)])
    manager.register_from_manifest(manifest, folder.parent)


def file_of(name: str, script: str) -> Path:
    """The script on disk, written anew where it is gone or cut short; raises `OSError` where it cannot be."""
    raw, file = encoded(script), home() / "scripts" / name / named(name, script)
    if not file.exists() or file.stat().st_size != len(raw):
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(f".{threading.get_ident()}")
        half.write_bytes(raw)
        half.replace(file)  # nobody reads half a file
    return file


@cache
def encoded(script: str) -> bytes:
    return script.encode()


@cache
def named(name: str, script: str) -> str:
    """The file's name, with a hash of its content."""
    return f"{name}.{hashlib.sha256(encoded(script)).hexdigest()[:16]}.js"
