"""Torchlight: watch neural networks while they learn. `streamlit run app.py` serves this file; each visit runs it."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    from pages.parts.mishap import mishap
    from state.serving import lifespan, middleware, routes
    from state.settings import settle

    settle()
    app = st.App(__file__, lifespan=lifespan, routes=routes(), middleware=middleware(), on_script_error=mishap)
else:
    from pages.parts.menu import menu
    from state.latency import RERUNS
    from state.turns import TURNS

    with RERUNS.timed(), TURNS.one():
        menu().run()
