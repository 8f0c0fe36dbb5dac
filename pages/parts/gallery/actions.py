"""What a visitor does with the chosen runs: open, name, tag, pin, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from pages.parts.gallery import names
from pages.parts.gallery.address import put, revise
from pages.parts.gallery.listing import found
from pages.parts.gallery.rights import may_change
from pages.parts.gallery.view import MOST_CHOSEN, PREFIX, View
from pages.parts.menu import described_pages
from pages.parts.plain import plain
from pages.parts.words import _, language
from state import links
from state.row import ENDED
from state.runs import Run, runs
from state.shelf import Entry
from state.titles import LONGEST_TAG, LONGEST_TITLE, MOST_TAGS

SAID = "runs.said"
DELETABLE = (*ENDED, "paused")


def pages() -> dict[str, Path]:
    """The page of each family that has one."""
    return {str(about["family"]): path for path, about in described_pages() if "family" in about}


def address(entry: Entry, known: dict[str, Path]) -> str:
    """Where the run is shown, as a link beside this page's own; empty where no page shows its family."""
    if entry.experiment is None or entry.name not in known:
        return ""
    said = {**links.write(entry.experiment), "lang": language()}
    return f"./{known[entry.name].stem}?{urlencode(said)}"


def open_page(entry: Entry) -> None:
    """Go to the page that shows the run."""
    known = pages()
    if entry.experiment is not None and entry.name in known:
        st.switch_page(str(known[entry.name]), query_params=links.write(entry.experiment))


def bar(view: View, entries: Sequence[Entry], chosen: Sequence[Entry]) -> None:
    """Over the table: how many are chosen, and what can be done with them."""
    mine = [entry for entry in chosen if may_change(entry)]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="runs.bar"):
        if chosen:
            st.markdown(_("Chosen: **{count}**", count=len(chosen)), width="content")
            if st.button(_("Choose none"), key="runs.none", icon=":material/deselect:"):
                choose(view, ())
            pinned = bool(mine) and all(entry.pinned for entry in mine)
            label = _("Unpin") if pinned else _("Pin")
            if st.button(label, key="runs.pin", icon=":material/keep:", disabled=not mine):
                every(mine, lambda run: run.pin(not pinned))
            with st.popover(_("Name and tags"), icon=":material/label:", disabled=not mine, key="runs.naming"):
                naming(mine)
            with st.popover(_("Delete"), icon=":material/delete:", disabled=not mine, key="runs.deleting"):
                deleting(view, chosen, mine)
        shown = found(entries, view)
        if len(shown) > 1 and len(chosen) < min(len(shown), MOST_CHOSEN):
            label = _("Choose all {count}", count=len(shown)) if len(shown) <= MOST_CHOSEN else _(
                "Choose the first {count}", count=MOST_CHOSEN)  # fmt: skip
            if st.button(label, key="runs.every", icon=":material/select_all:", type="tertiary"):
                choose(view, [entry.key[:PREFIX] for entry in shown[:MOST_CHOSEN]])
    hidden = len({entry.key for entry in chosen} - {entry.key for entry in shown})
    if hidden:
        st.caption(_("Chosen, but hidden by the filters: {count}.", count=hidden))
    if len(mine) < len(chosen):
        st.caption(_("Of other visitors, to be looked at and compared but not changed: {count} of the chosen runs.",
                     count=len(chosen) - len(mine)))  # fmt: skip
    if said := st.session_state.pop(SAID, ""):
        st.info(said, icon=":material/info:")


def choose(view: View, short: Sequence[str]) -> None:
    """Let these be the chosen runs, in the table too."""
    revise()
    put(view.but(chosen=tuple(short)))


def every(entries: Sequence[Entry], act: Callable[[Run], None]) -> None:
    """Do something with each of the runs that is still there and still this visitor's."""
    for entry in entries:
        run = runs().find(entry.key)
        if run is not None and may_change(run.row):
            act(run)
    st.rerun()


def naming(mine: Sequence[Entry]) -> None:
    """A form for the name of one run, and for the tags of all chosen."""
    shared = [tag for tag in mine[0].tags if all(tag in entry.tags for entry in mine)] if mine else []
    one = mine[0] if len(mine) == 1 else None
    tied = ".".join(entry.key[:PREFIX] for entry in mine[:3]) + f".{len(mine)}"
    with st.form(f"runs.names.{tied}", border=False):
        title = ""
        if one is not None:
            title = st.text_input(_("Name"), one.title, max_chars=LONGEST_TITLE, key=f"runs.title.{tied}.{one.title}")
        else:
            st.caption(_("A name is for one run; these tags are for all {count} chosen.", count=len(mine)))
        tags = st.text_input(
            _("Tags, with commas between them"), ", ".join(shared), max_chars=MOST_TAGS * (LONGEST_TAG + 2),
            key=f"runs.tagging.{tied}.{','.join(shared)}",
        )  # fmt: skip
        if not st.form_submit_button(_("Save"), icon=":material/save:"):
            return

    def save(run: Run) -> None:
        if one is not None:
            run.rename(title)
        # Tags that only some of the chosen have stay theirs.
        run.tag([tags, *(tag for tag in run.tags if tag not in shared)])

    every(mine, save)


def deleting(view: View, chosen: Sequence[Entry], mine: Sequence[Entry]) -> None:
    """Asks once more; a run that waits or trains is never deleted."""
    fit = [entry for entry in mine if entry.state in DELETABLE]
    if len(fit) < len(mine):
        st.markdown(_("Waiting or training, so they stay (stop them first): {count}.", count=len(mine) - len(fit)))
    if not fit:
        return
    told = "\n".join(f"- {plain(names.called(entry))}" for entry in fit[:5])
    rest = "\n- …" if len(fit) > 5 else ""
    if any(entry.pinned for entry in fit):
        st.markdown(_("Pinned runs are among them."))
    st.markdown(_("Delete for good, with all pictures and weights: **{count}** of the chosen runs?", count=len(fit)))
    st.markdown(told + rest)
    if st.button(_("Yes, delete {count}", count=len(fit)), key="runs.delete", icon=":material/delete:"):
        gone = [entry for entry in fit if deleted(entry)]
        st.session_state[SAID] = _("Runs deleted: {count}.", count=len(gone))
        if len(gone) < len(fit):
            st.session_state[SAID] += " " + _("In use, so they stay: {count}.", count=len(fit) - len(gone))
        away = {entry.key[:PREFIX] for entry in gone}
        choose(view, [entry.key[:PREFIX] for entry in chosen if entry.key[:PREFIX] not in away])


def deleted(entry: Entry) -> bool:
    """Delete the run, if it is still this visitor's."""
    run = runs().find(entry.key)
    return run is not None and may_change(run.row) and runs().delete(entry.key)
