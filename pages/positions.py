"""The positions page: how a network that sees no order is told where each token stands."""

import streamlit as st

from pages.parts.positions import Look, alibi, learned, longer, rotary, table
from pages.parts.prose import prose
from pages.parts.words import _, language

PAGE = {
    "order": 6,
    "title": "Positions",
    "line": "Attention sees no order. Turn the clock hands that tell it where each token stands.",
}


def picture() -> None:
    """The sinusoid table; what is looked at is the page's address."""
    said = {name: value for name, value in st.query_params.items() if name != "lang"}
    look, corrected = Look.read(said)
    if corrected:
        names = ", ".join(f"`{name}`" for name in corrected)
        st.warning(_("This link was corrected: {names} could not be used as written.", names=names))
    # What the picture said last stays in its state: only news count, so that a link since then is not painted over.
    told = (st.session_state.get("positions.table") or {}).get("settings")
    if told is not None and told != st.session_state.get("positions.heard"):
        st.session_state["positions.heard"] = told
        look = Look.read(told)[0]
    table(look, key="positions.table", autoplay=not said)
    address = look.link() | ({"lang": language()} if "lang" in st.query_params else {})
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)


def rotation() -> None:
    st.markdown(
        _("RoPE adds nothing to a token. It turns the query by its position m and the key by its position n, plane by "
          "plane, each at a speed θ of its own. Their score then depends on m − n alone: move both together, and every "
          "arrow turns while the score stands still.")
    )  # fmt: skip
    rotary("positions.rotary")


def bias() -> None:
    st.markdown(
        _("ALiBi only bends the scores: each head takes its own slope times the distance from every score before the "
          "softmax. A steep head sees the last few tokens, a flat one nearly all.")
    )  # fmt: skip
    alibi("positions.alibi")


st.title(_("Positions"), anchor=False)
st.markdown(_(str(PAGE["line"])))
st.caption(
    _("Every position gets its own column of sines and cosines: blue is positive, orange negative. Drag over the "
      "table.")
)  # fmt: skip
picture()
TABS = {
    _("Rotary positions (RoPE)"): rotation,
    _("Distance as a bias (ALiBi)"): bias,
    _("Learned positions"): learned.draw,
    _("Longer than trained"): longer.draw,
}
# Only the open tab is drawn: the others would cost the browser a chart and a component each.
places = st.tabs(list(TABS), on_change="rerun", key=f"positions.tabs.{language()}")
for place, draw in zip(places, TABS.values(), strict=True):
    if place.open:
        with place:
            draw()
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="positions.told")
if told.open:
    with told:
        prose("positions")
