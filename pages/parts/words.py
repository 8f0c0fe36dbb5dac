"""Every visible sentence, in the visitor's language.

English is written in the code, inside `_()`; other languages are gettext catalogues in `pages/words/<code>.po`, and
`<code>.<family>.po` for what one family alone says.
Sentences that live outside the pages (help of knobs, stories, notes, the live view's labels) pass through `_()`
where they are shown; a test collects them all and fails on a missing translation.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from sqlite3 import Error as SQLiteError
from typing import Any

import streamlit as st
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from streamlit.runtime.scriptrunner import get_script_run_ctx

from state.reasons import STORE_FAULT, of_the_store

LANGUAGES: Mapping[str, str] = {"en": "English", "vi": "Tiếng Việt"}
CATALOGUES = Path(__file__).parents[1] / "words"
_PERCENT = re.compile(r"(?<=\d) %")


@cache
def catalogue(code: str) -> Catalog:
    """The translations into `code`, as written in its files; for English, better names than the code's own."""
    whole = Catalog(locale=code)
    for path in (CATALOGUES / f"{code}.po", *sorted(CATALOGUES.glob(f"{code}.*.po"))):
        with path.open("rb") as file:
            for message in read_po(file, locale=code):
                if message.id:
                    whole[message.id] = message
    return whole


def choose_language() -> str:
    """The language of this visit: the link's, else the visitor's last choice, else the browser's, else English."""
    chosen = str(st.query_params.get("lang") or st.session_state.get("lang"))
    if chosen not in LANGUAGES:
        spoken = (st.context.locale or "en").split("-")[0].lower()
        chosen = spoken if spoken in LANGUAGES else "en"
    st.session_state["lang"] = chosen
    _run.heard = get_script_run_ctx(suppress_warning=True), chosen
    return chosen


class _Run(threading.local):
    """The script run that this thread is in, and its language: a look into the session costs twenty times as much."""

    heard: tuple[object, str] = (None, "")


_run = _Run()


def language() -> str:
    """The language chosen at the start of this script run; a page says hundreds of words, so this must be cheap."""
    here = get_script_run_ctx(suppress_warning=True)
    if here is None or _run.heard[0] is not here:
        _run.heard = here, str(st.session_state.get("lang") or choose_language())
    return _run.heard[1]


def translate(sentence: str, code: str) -> str:
    """`sentence` in the language `code`; itself where the catalogue is silent."""
    if not sentence:
        return sentence
    message = catalogue(code).get(sentence)
    return str(message.string) if message is not None and message.string else sentence


def _(sentence: str, **values: Any) -> str:
    """`sentence` in the visitor's language, with `values` filled in; numbers are written as that language does."""
    said = translate(sentence, language())
    if not values:
        return said
    # A percent sign stays with its number where a line is broken.
    return _PERCENT.sub("\u00a0%", said.format_map({name: shown(value) for name, value in values.items()}))


def shown(value: Any) -> str:
    """A number with four significant digits, as the visitor's language writes it; anything else as it is."""
    return number(value, language()) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


@lru_cache(maxsize=4096)
def number(value: float, code: str) -> str:
    """`value` as the language `code` writes numbers."""
    if isinstance(value, int):
        return str(format_decimal(value, locale=code))
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[str(value)]
    rounded = float(f"{value:.4g}")
    if rounded and (abs(rounded) < 1e-6 or abs(rounded) >= 1e7):
        mantissa, exponent = f"{rounded:.2e}".split("e")
        return f"{number(float(mantissa), code)}e{int(exponent)}".replace("-", "−")
    return str(format_decimal(rounded, format="#,##0.#######", locale=code))


def fixed(value: float, places: int = 1) -> str:
    """A number with so many places, as the visitor's language writes it."""
    said = str(format_decimal(abs(value), format="#,##0." + "0" * places, locale=language()))
    return f"−{said}" if value < 0 and said.strip("0.,") else said


def percent(share: float) -> str:
    """A share as the visitor's language writes percentages, to the nearest whole one unless that would hide it."""
    fine = share not in (0.0, 1.0) and not 0.005 <= share < 0.995
    return str(format_percent(share, format="#,##0.0\u00a0%" if fine else "#,##0\u00a0%", locale=language()))


def translated(words: Mapping[str, str]) -> dict[str, str]:
    """A table of sentences, each in the visitor's language."""
    return {name: _(sentence) for name, sentence in words.items()}


def told(error: Exception) -> str:
    """An error's sentence in the visitor's language: its own template, what is wrong with the store, else as it is."""
    template, values = getattr(error, "template", None), getattr(error, "values", {})
    if template is None and isinstance(error, OSError | SQLiteError):
        logging.getLogger("torchlight").error("The store: %s", error, exc_info=error)
        template = of_the_store(error) or STORE_FAULT  # never its own words: they name paths of the server
    return _(template, **values) if template else _(str(error))
