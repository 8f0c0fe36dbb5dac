"""What leaves the page: a link to this view, the experiment as Python, as a command; and what a link has lost."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from models.experiment import Experiment
from pages.parts.words import _, language
from state import links


def address(query: Mapping[str, str], safe: str = "") -> str:
    """This page with another query, as others would open it; characters in `safe` stay readable."""
    here = urlsplit(st.context.url or "")
    return urlunsplit((here.scheme, here.netloc, here.path, urlencode(query, safe=safe), ""))


def share(experiment: Experiment, link: Mapping[str, str]) -> None:
    """Three things to copy; each says what it reproduces."""
    st.caption(_("A link to this page, these settings, this seed and this step. Equal settings are the same run."))
    st.code(address({**link, "lang": language()}), language=None, wrap_lines=True)
    st.caption(_("The same experiment in a notebook:"))
    st.code(python(experiment), language="python", wrap_lines=True)
    st.caption(_("The same run without a browser, in the same store:"))
    st.code(command(experiment), language="bash", wrap_lines=True)


def python(experiment: Experiment) -> str:
    """Python that trains this experiment with `models` alone."""
    cls = type(experiment)
    return f"from {cls.__module__} import {cls.__name__}\n\nfor event in {experiment!r}.train():\n    print(event.step)"


def command(experiment: Experiment) -> str:
    """The command line that trains this experiment."""
    said = [
        f"--{name.replace('_', '-')} {shlex.quote(knob.write(getattr(experiment, name)))}"
        for name, knob in experiment.knobs().items()
        if getattr(experiment, name) != knob.default
    ]
    if experiment.changes:
        said += ["--changes", shlex.quote(links.write_changes(experiment))]
    return " ".join(["python -m state train", type(experiment).__name__, *said])


def say_corrected(link: links.Link) -> None:
    """What of a link could not be used, or means something else by now."""
    if link.earlier:
        st.warning(_("This link was made by an earlier version of this experiment; its numbers may differ."))
    if link.corrected:
        names = ", ".join(f"`{name[:40]}`" for name in link.corrected)
        st.warning(_("This link was corrected: {names} could not be used as written.", names=names))
    if link.unknown:
        names = ", ".join(f"`{name}`" for name in link.unknown)
        st.warning(
            _("This link was made by another version of Torchlight: there is no {names} here. "
              "All else is as it says.", names=names)
        )  # fmt: skip
