"""The parts of the attention page: its panels, its tabs, and the arithmetic of a single cell."""
