"""The operator's view, in three parts: the door, the figures, and what an operator may do to runs."""
