"""Paper mode: a paper's study repeated here, ours over the published figures, and a verdict for each of its claims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from models.metrics.claims import Claim, Finding, judge
from models.paper import PORTIONS, STUDIES, PaperClaims
from pages.parts import lanes
from pages.parts.controls import option
from pages.parts.freezing import papers_chart
from pages.parts.freezing.names import fixed
from pages.parts.words import _, language, shown
from state.runs import Run, runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

STYLE = """
<style>
.tp-claims { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
.tp-claims td { padding: 0.55rem 0.5rem; border-top: 1px solid rgba(128, 128, 128, 0.3); vertical-align: top; }
.tp-claims td:first-child { width: 1%; white-space: nowrap; }
.tp-claims small { display: block; margin-top: 0.2rem; opacity: 0.85; font-size: 0.82rem; }
.tp-claims small b { font-weight: 600; }
.tp-verdict { display: inline-block; padding: 0.1rem 0.5rem; border: 1.5px solid; border-radius: 0.4rem;
  font-weight: 700; font-size: 0.78rem; letter-spacing: 0.03em; }
</style>
"""
COLOURS = {"pass": ("#17856b", "#4ccbaa"), "fail": ("#b0185c", "#ff8ab8"), "undecided": ("#5b6472", "#a3acb9")}
"""Of each verdict, on light and on dark paper."""


def draw(lab: Lab, table: Table) -> None:
    """A button per paper, what was done, the picture, and the claims."""
    st.markdown(
        _("Which published effects does this small net show? Each study is repeated with ten seeds on this machine; "
          "every claim is an inequality, tested over the seeds and corrected for the number of claims (Holm, 5 %). "
          "PASS: shown here. FAIL: the opposite is shown here. UNDECIDED: neither, at this number of seeds.")
    )  # fmt: skip
    options = list(STUDIES)
    chosen = st.segmented_control(
        _("Paper"), options, default=options[0], format_func=option, key=f"{lab.family}.papers.{language()}",
    ) or options[0]  # fmt: skip
    experiment = PaperClaims.of({"paper": chosen})
    study, run = experiment.study, runs().find(experiment.key)
    left, right = st.columns([3, 1], vertical_alignment="bottom", gap="medium")
    with left:
        st.markdown(f"**{escape(study.source)}**  \n{_(study.setting)}")
    with right:
        press(lab, experiment, run)
    if run is None:
        st.info(_("Nobody has repeated this paper here yet: it takes one or two minutes of one processor core."),
                icon=":material/science:")  # fmt: skip
        return
    follow(experiment, run)


def press(lab: Lab, experiment: PaperClaims, run: Run | None) -> None:
    """The button that starts the study, or goes on with it."""
    state = run.status().state if run is not None else ""
    said = _("Repeating …") if state in lanes.ACTIVE else _("Repeat this paper") if not state else _("Go on")
    if state == "finished":
        return
    if st.button(
        said, key=f"{lab.family}.papers.go", type="primary", width="stretch", icon=":material/science:",
        disabled=state in lanes.ACTIVE,
    ):  # fmt: skip
        lab.open(experiment, resume=True)
        st.rerun()


def follow(experiment: PaperClaims, run: Run) -> None:
    """Picture and verdicts, again and again while the study is at work."""
    active = run.status().state in lanes.ACTIVE

    @st.fragment(run_every=lanes.LOOK_S if active else None)
    def look() -> None:
        status, picture = run.status(), run.snapshot(PORTIONS)
        if active and status.state not in lanes.ACTIVE:
            st.rerun()
        if status.reason is not None:
            st.warning(_(status.reason.text, **status.reason.values), icon=":material/warning:")
        if picture is None:
            st.caption(_("Waiting for the first numbers …"))
            return
        values = experiment.values(picture)
        findings = judge(experiment.study.claims(values))
        finished = min(finding.n for finding in findings)
        if status.state == "queued":
            st.progress(0.0, text=_("Waiting in line: place {place}", place=status.place or 1))
        elif active:
            said = _("{count} of {total} seeds are finished; bands shrink and verdicts settle as they come.",
                     count=finished, total=experiment.seeds)  # fmt: skip
            st.progress(min(status.step / PORTIONS, 1.0), text=said)
        sheets = experiment.study.sheets
        for place, sheet in zip(st.columns([3, 2][: len(sheets)], gap="large"), sheets, strict=True):
            with place:
                papers_chart.draw(sheet, values)
        st.html(STYLE + claims_table(findings))
        if active:
            st.caption(_("Verdicts before the last seed are previews: whoever stops at the first PASS finds too many."))

    look()


def claims_table(findings: Sequence[Finding]) -> str:
    """A row per claim: the verdict, the sentence, ours and theirs, the test."""
    dark = st.context.theme.type == "dark"
    names = {"pass": _("PASS"), "fail": _("FAIL"), "undecided": _("UNDECIDED")}
    here, theirs, rows = escape(_("Here")), escape(_("In the paper")), []
    for finding in findings:
        colour = COLOURS[finding.verdict][dark]
        badge = f'<span class="tp-verdict" style="color: {colour}">{escape(names[finding.verdict])}</span>'
        told = (
            f"<b>{here}:</b> {escape(ours(finding))}", escape(test_of(finding)),
            f"<b>{theirs}:</b> {escape(_(finding.claim.published))}",
        )  # fmt: skip
        lines = "".join(f"<small>{line}</small>" for line in told)
        rows.append(f"<tr><td>{badge}</td><td>{escape(_(finding.claim.text))}{lines}</td></tr>")
    return f'<table class="tp-claims">{"".join(rows)}</table>'


def ours(finding: Finding) -> str:
    """The quantity that is farthest from being shown: its mean, interval, and what it had to be."""
    if not math.isfinite(finding.mean):
        return "–"
    claim, part = finding.claim, finding.claim.parts[finding.weakest]
    middle = amount(claim, finding.mean)
    reach = "" if not math.isfinite(finding.low) else f" [{amount(claim, finding.low)}, {amount(claim, finding.high)}]"
    ends = [f"> {amount(claim, part.low)}"] if math.isfinite(part.low) else []
    ends += [f"< {amount(claim, part.high)}"] if math.isfinite(part.high) else []
    demanded = _("demanded: {bounds}", bounds=" · ".join(ends))
    most = _("the weakest of {count}", count=len(claim.parts)) if len(claim.parts) > 1 else ""
    named = f"{_(part.of)} ({most})" if most else _(part.of)
    return f"{named}: {middle}{reach} {unit(claim)}; {demanded}".replace("  ", " ")


def amount(claim: Claim, value: float) -> str:
    """The number in the claim's unit: shares as points of accuracy."""
    if value == 0:
        return "0"
    if claim.unit == "points":
        return fixed(100 * value)
    return shown(float(f"{value:.3g}"))


def unit(claim: Claim) -> str:
    return {"points": _("points"), "nats": _("nats")}.get(claim.unit, "")


def test_of(finding: Finding) -> str:
    """Test, corrected p and number of seeds."""
    claim = finding.claim
    equal = any(math.isfinite(part.low) and math.isfinite(part.high) for part in claim.parts)
    test = _("two one-sided paired t tests") if equal else _("paired sign test") if claim.test == "sign" else ""
    test = test or _("one-sided paired t test")
    if not math.isfinite(finding.p_holds):
        return f"{test}; " + _("from three seeds on")
    p = finding.p_breaks if finding.verdict == "fail" else finding.p_holds
    said = "< 0.0001" if p < 1e-4 else f"= {shown(float(f'{p:.2g}'))}"
    if finding.verdict == "fail":
        return _("{test} of the opposite, p {p} (Holm), n = {n}", test=test, p=said, n=finding.n)
    return _("{test}, p {p} (Holm), n = {n}", test=test, p=said, n=finding.n)
