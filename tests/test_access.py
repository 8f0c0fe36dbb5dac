"""Every page for everybody: what axe-core finds, in both themes; the keyboard; a phone; both languages; less motion.

Pages are found from their files. Every family's page shows a short run of its own, so that the living picture is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from models.catalogue import experiments
from pages.parts import keyboard
from pages.parts.menu import described_pages
from pages.parts.sentences.desk import FIRST
from pages.parts.words import LANGUAGES
from state import links
from state.runs import Runs, runs
from tests.browsing import SCRUBBER, painted, settled, wait
from tests.waiting import until_ended

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
ASKED = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {"heading-order": {"enabled": True}, "empty-table-header": {"enabled": True}},
}
"""A and AA, and two of the best practices."""
EXCEPTED: Mapping[str, Sequence[str]] = {}
"""Selectors by the rule that they break: faults inside stock Streamlit that nothing here can mend; none is left."""
STEPS = 12
PAGES = [path.stem for path, _about in described_pages()]
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def addresses(app: str, shared_home: Path) -> Iterator[dict[str, str]]:
    """Every page's address; a family's leads to a run that is short."""
    known: dict[str, str] = {}
    for path, about in described_pages():
        known[path.stem] = f"{app}/{'' if about['order'] == 0 else path.stem}?"
        family = experiments().get(str(about.get("family")))
        if family is not None and family.stories():
            short = family.stories()[0].experiment.but(steps=STEPS)
            runs().open(short)
            known[path.stem] += urlencode(links.write(short)) + "&"
    yield known
    for run in Runs(shared_home).list():
        run.stop()


def visit(page: Page, address: str, language: str = "en") -> None:
    """Open an address and wait until the page has come to rest."""
    page.goto(f"{address}lang={language}")
    rested(page)


def rested(page: Page) -> None:
    expect(page.locator("h1").first).to_be_attached()
    settled(page)


def faults(page: Page) -> list[str]:
    """What axe finds twice: a page that is just being drawn anew is pale for a moment, and that is no fault."""
    found = look(page)
    if not found:
        return found
    page.wait_for_timeout(1500)
    rested(page)
    return [line for line in look(page) if line in found]


def look(page: Page) -> list[str]:
    """What axe finds on the page as it stands, one line for each element."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("asked => axe.run(document, asked)", ASKED)
    return [
        f"{rule['id']}: {node['html'][:150]} {(node['any'] or node['all'] or node['none'])[0]['message'][:150]}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if not set(map(str, node["target"])) & set(EXCEPTED.get(rule["id"], ()))
    ]


def calm(browser: Browser, width: int = 1440, **options: Any) -> BrowserContext:
    """A visitor who wants no motion, so that nothing is caught half way."""
    return browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", **options)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(browser: Browser, addresses: dict[str, str], scheme: Any) -> None:
    visitor = calm(browser, color_scheme=scheme)
    page = visitor.new_page()
    found = {}
    for name, address in addresses.items():
        visit(page, address)
        found[name] = faults(page)
    visitor.close()
    assert not any(found.values()), "\n".join(f"{name} {line}" for name, lines in found.items() for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "vi")])
def test_axe_finds_nothing_in_any_tab(
    browser: Browser, addresses: dict[str, str], name: str, scheme: Any, language: str
) -> None:
    visitor = calm(browser, color_scheme=scheme)
    page = visitor.new_page()
    visit(page, addresses[name], language)
    found = []
    for place in range(page.get_by_role("tab").count()):
        page.get_by_role("tab").nth(place).click()
        rested(page)
        page.wait_for_timeout(1000)
        found += [f"{page.get_by_role('tab').nth(place).inner_text()}: {line}" for line in faults(page)]
    for summary in page.locator("[data-testid=stExpander] summary").all():
        summary.click()
        rested(page)
    found += faults(page)
    visitor.close()
    assert not found, "\n".join(found)


@dataclass(frozen=True)
class Seen:
    """What a phone shows of a page in one language."""

    language: str
    widest_px: int
    lines: frozenset[str]


LINES = """() => {
  const lines = [];
  const walk = (root) => {
    for (const each of root.querySelectorAll("*")) {
      if (each.shadowRoot) walk(each.shadowRoot);
      if (each.closest("pre, code, style, script, .katex, option, [data-testid=stIconMaterial]")) continue;
      for (const { nodeType, textContent } of each.childNodes) {
        if (nodeType === Node.TEXT_NODE && textContent.trim()) lines.push(textContent.trim());
      }
      for (const name of ["aria-label", "title", "alt", "placeholder"]) {
        if (each.getAttribute(name)) lines.push(each.getAttribute(name).trim());
      }
    }
  };
  walk(document.querySelector("[data-testid=stMain]"));
  return lines;
}"""
"""Every text on the page, and every text that only a screen reader says."""
SAME = (FIRST,)
"""Lines that are rightly the same in both languages: what an English model reads."""


@pytest.fixture(scope="module")
def phone(browser: Browser, addresses: dict[str, str]) -> dict[str, dict[str, Seen]]:
    """Every page by language and name, as a phone of 390 pixels shows it, its explanation open."""
    found: dict[str, dict[str, Seen]] = {}
    for language in LANGUAGES:
        visitor = calm(browser, width=390)
        page = visitor.new_page()
        found[language] = {}
        for name, address in addresses.items():
            visit(page, address, language)
            for summary in page.locator("[data-testid=stExpander] summary").all():
                summary.click()
            rested(page)
            widths = (
                "[document.scrollingElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth)"
            )
            lang = page.evaluate("document.documentElement.lang")
            found[language][name] = Seen(lang, max(page.evaluate(widths)), frozenset(page.evaluate(LINES)))
        visitor.close()
    return found


def test_no_page_is_wider_than_a_phone(phone: dict[str, dict[str, Seen]]) -> None:
    wide = {(code, name): seen.widest_px for code, pages in phone.items() for name, seen in pages.items()}
    assert not {place: width for place, width in wide.items() if width > 390}


def test_every_page_says_its_language(phone: dict[str, dict[str, Seen]]) -> None:
    assert all(seen.language == code for code, pages in phone.items() for seen in pages.values())


def test_no_english_is_left_in_the_other_language(phone: dict[str, dict[str, Seen]]) -> None:
    left = {
        f"{name}: {line}"
        for name, seen in phone["vi"].items()
        for line in seen.lines & phone["en"][name].lines
        if len(re.findall(r"\b[a-z]{2,}\b", line)) > 2 and line not in SAME
    }
    assert not left, "\n".join(sorted(left))


def heard(file: str) -> set[str]:
    """The keys that a script asks for."""
    text = (ROOT / "pages/parts" / file).read_text(encoding="utf-8")
    keys = set(re.findall(r"\b(Arrow(?:Left|Right|Up|Down)|Home|End)\b", text))
    keys |= set(re.findall(r'event\.key === "([^"]+)"', text))
    return keys | ({"0-9"} if "[0-9]" in text else set())


def test_the_list_of_keys_is_what_the_scripts_listen_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyboard, "_", lambda sentence: sentence)
    listed = {place.script: {key for keys in place.keys for key in keys} for place in keyboard.places() if place.script}
    assert listed.pop("live/view.js") == set(keyboard.MOVES)
    assert listed == {file: heard(file) for file in listed}
    texts = {path: path.read_text("utf-8") for path in (ROOT / "pages/parts").rglob("*.js")}
    listening = {
        str(path.relative_to(ROOT / "pages/parts"))
        for path, text in texts.items()
        if re.search(r"event\.key ===|in moves|\[event\.key\]", text)
    }
    assert listening - {"live/film.js"} == {*listed, "live/view.js"}


def test_a_page_is_used_without_a_mouse(browser: Browser, addresses: dict[str, str]) -> None:
    visitor = calm(browser)
    page = visitor.new_page()
    visit(page, addresses["gan"])
    key = next(run.key for run in runs().list() if type(run.experiment).__name__ == "GanTraining"
               and run.experiment.steps == STEPS)  # fmt: skip
    wait(lambda: painted(page, key) == STEPS, page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("In the living picture")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".st-key-keys button")).to_be_focused()
    passed: list[str] = []
    # By Tab alone from the frame into the living picture, past it and out again: nothing holds the focus.
    while len(passed) < 120 and not (passed and passed[-1].startswith("tab")):
        page.keyboard.press("Tab")
        passed.append(focused(page))
    assert "scrubber" in passed and passed[-1].startswith("tab"), passed
    assert all(outline != "none" for outline in (each.split("|")[1] for each in passed if "|" in each)), passed
    page.get_by_role("slider", name="Recorded moments of the training").focus()
    page.keyboard.press("Home")
    wait(lambda: painted(page, key) == 0, page)
    page.keyboard.press("End")
    wait(lambda: painted(page, key) == STEPS, page)
    visitor.close()


def focused(page: Page) -> str:
    """Where the focus is, looking into the components, and how it is drawn."""
    return str(
        page.evaluate("""() => {
      let at = document.activeElement;
      while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      if (at.type === "range" && at.closest(".tl-scrub")) return "scrubber";
      if (at.getAttribute("role") === "tab") return "tab";
      const drawn = getComputedStyle(at);
      const seen = drawn.outlineStyle !== "none" || drawn.boxShadow !== "none" || at.closest("[data-baseweb]");
      return `${at.tagName}.${at.className}|${seen ? "seen" : "none"}`;
    }""")
    )


def test_nothing_moves_by_itself_for_whoever_wants_no_motion(browser: Browser, addresses: dict[str, str]) -> None:
    # Only a story that has been trained is shown as a film, and what still trains moves rightly.
    runs().open(experiments()["GanTraining"].stories()[0].experiment)
    for run in runs().list():
        until_ended(run)
    visitor = calm(browser)
    page = visitor.new_page()
    moving = """() => document.getAnimations().filter(({ playState, effect }) =>
      playState === "running" && (effect.getComputedTiming().activeDuration > 50)).map(({ animationName, effect }) =>
      `${animationName} ${effect.target.className}`)"""
    for name in ("gan", "positions", "latent"):
        visit(page, addresses[name].split("?")[0] + "?" if name == "gan" else addresses[name])
        page.wait_for_timeout(800)
        assert page.evaluate(moving) == [], name
        slider = page.get_by_role("slider", name=None if name == "positions" else SCRUBBER).first
        before = slider.get_attribute("aria-valuetext") or slider.input_value()
        page.wait_for_timeout(800)
        assert (slider.get_attribute("aria-valuetext") or slider.input_value()) == before, name
    visitor.close()
