"""The harness's only page; the link says what it shows (runs, kinds of panels, a view, the brush).

`?runs=attend32&panels=heads,head` shows made-up attention; `&still=1` hands its picture over without a
connection.
"""

import streamlit as st

from pages.parts.live import WORDS, live
from pages.parts.words import translate
from tests.harness.attention import panel, shape_of
from tests.harness.freeze import panels as freeze_panels
from tests.harness.mock import EXTENT, HUB, real

st.set_page_config(page_title="Harness", layout="wide")

REFERENCES = [
    {"label": "perfect", "value": 0.06, "low": 0.045, "high": 0.08},
    {"label": "null", "value": 1.2},
]
PANELS = {
    "plane": {
        "kind": "plane", "title": "Data and generator", "extent": EXTENT, "data": real().round(3).tolist(),
        "points": "samples", "ema": "samples_ema", "surface": "surface", "surface_mid": 0.5,
    },
    "images": {"kind": "images", "title": "Generated images", "array": "images", "shape": [14, 14], "columns": 8},
    "loss": {
        "kind": "curves", "title": "Losses",
        "columns": [{"name": "loss_d", "label": "Discriminator"}, {"name": "loss_g", "label": "Generator"}],
    },
    "belief": {
        "kind": "curves", "title": "Belief",
        "columns": [{"name": "d_real", "label": "on data"}, {"name": "d_fake", "label": "on samples"}],
        "references": [{"label": "undecided", "value": 0.5}],
    },
    "distance": {
        "kind": "curves", "title": "Distance to the data", "log": True, "references": REFERENCES,
        "columns": [{"name": "distance", "label": "Wasserstein", "hue": 2}],
    },
    "gradient": {
        "kind": "curves", "title": "Gradient norm", "columns": [{"name": "gradient", "label": "D", "hue": 3}],
    },
    "modes": {
        "kind": "curves", "title": "Modes found", "unit": "of 8",
        "columns": [{"name": "modes", "label": "modes", "hue": 1}],
        "references": [{"label": "perfect", "value": 8}],
    },
}  # fmt: skip

query = st.query_params
keys = query.get("runs", "first").split(",")
if st.sidebar.button("Another run"):
    st.session_state["other"] = st.session_state.get("other", 0) + 1
if "other" in st.session_state:
    keys = [f"{key}{st.session_state['other']}" for key in keys]
shape = shape_of(keys[0])
if shape is not None:
    PANELS |= {kind: panel(kind, shape) for kind in ("heads", "head")}
    PANELS["profile"] = {
        "kind": "profile", "title": "Singular values", "x": list(range(1, 33)), "x_label": "rank", "log_x": True,
        "lines": [
            {"array": "spread", "label": "of all maps"},
            {"array": "angles", "row": 3, "label": "row 3", "hue": 2},
        ],
        "references": [{"label": "half", "value": 0.5}],
    }  # fmt: skip
    PANELS["sheet"] = {
        "kind": "sheet", "title": "Positions", "array": "angles", "x_label": "dimension", "y_label": "position",
        "range": None, "diverging": True,
    }  # fmt: skip
if "freeze" in keys[0]:
    PANELS |= freeze_panels()
still = "still" in query
code = query.get("lang", "en")
words = {name: translate(word, code) for name, word in WORDS.items()} | {"locale": code}
kinds = query.get("panels", "plane,loss,belief,distance,gradient,modes").split(",")


@st.fragment(run_every=0.5 if st.session_state.get("poll") else None)
def picture() -> None:
    step = st.session_state.get("view", {}).get("step") if st.session_state.get("poll") else None
    frames = [frame for key in keys for frame in HUB.run(key).history(step)] if st.session_state.get("poll") else []
    if still:
        at = st.slider("Moment", 0, 2000, 2000)
        frames = [HUB.run(key).picture(at) for key in keys]
    said = (st.session_state.get("view") or {}).get("view") or {"layers": query.get("view", "")}
    result = live(
        [
            {"key": key, "label": f"Seed {index}", "active": index == 0 and not still, "static": still}
            for index, key in enumerate(keys)
        ],
        [PANELS[kind] for kind in kinds],
        words=words,
        key="view",
        view=said["layers"],
        frames=frames,
    )
    if result.command:
        for key in keys:
            HUB.command(key, result.command["verb"])
    if result.transport == "poll" and not st.session_state.get("poll"):
        st.session_state["poll"] = True
        st.rerun()
    st.caption(f"page knows: step {result.step}, command {result.command}, transport {result.transport}")
    st.caption(f"view: {said['layers']}")


if "brush" in query:
    from pages.parts.brush import brush

    drawn = brush("0" * 1024, words={}, key="brush")
    st.caption(f"sum of levels: {sum(int(level, 16) for level in drawn.levels or '')}")
elif "planner" in query:
    from pages.parts.planner import painted, planner

    presets = [{"label": "Head only", "text": ".".join(["0" * 10] * 5 + ["9" * 10])}]
    now = float(query["now"]) if "now" in query else None
    said = planner(
        "", layers=["conv1", "conv2", "conv3", "conv4", "hidden", "head"], presets=presets, words={}, key="planner",
        now=now, past=now is not None,
    )  # fmt: skip
    plan = painted(said.get("plan"))
    st.caption(f"plan: {plan[0] if plan else ''}")
else:
    picture()
