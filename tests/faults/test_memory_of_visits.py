"""Visitors come and go, and write what they like: what the server remembers of them has a bound."""

from __future__ import annotations

import ast
import re
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from streamlit.runtime import Runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.session_manager import SessionInfo
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from state.serving import forget_ended
from tests.browsing import ROOT

BY_THE_CODE = {
    "catalogue": "languages", "stories_of": "families", "knobs": "families", "_title": "families", "text": "pages",
    "_script": "languages", "beginning": "two names", "alphabet": "alphabets", "_legendre": "grids", "_runs": "homes",
    "house_model": "one", "answers": "one", "first_stories": "families", "renderer": "components",
    "encoded": "components", "named": "components",
}  # fmt: skip
"""Functions with arguments, or results for all visitors, that are remembered without a bound; and what they differ in:
always things that the code names, never what a visitor writes."""


def test_a_visit_that_ended_is_forgotten_though_nobody_else_comes() -> None:
    class Session(SimpleNamespace):
        pass

    session: Any = Session(id="a")
    manager = WebsocketSessionManager(
        MemorySessionStorage(ttl_seconds=0), MemoryUploadedFileManager("/"), ScriptCache(), None
    )
    manager._session_storage.save(SessionInfo(client=None, session=session, script_run_count=0))
    ended = weakref.ref(session)
    del session
    assert ended() is not None
    forget_ended(SimpleNamespace(_session_mgr=manager))
    assert ended() is None
    assert "_session_mgr" in Runtime.__init__.__code__.co_names


def remembered_without_bound() -> Iterator[str]:
    for room in ("models", "state", "pages"):
        for file in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                for said in map(ast.unparse, getattr(node, "decorator_list", ())):
                    for_all = said.startswith("st.cache")
                    remembers = for_all or said == "cache" or said.startswith("lru_cache")
                    bounded = re.search(r"lru_cache\((maxsize=)?(\d|MOST_)|max_entries=\d", said)
                    if isinstance(node, ast.FunctionDef) and remembers and not bounded and (for_all or node.args.args):
                        yield node.name


def test_what_a_visitor_may_write_is_remembered_within_bounds() -> None:
    assert set(remembered_without_bound()) == set(BY_THE_CODE)
