"""The parts of the page of real sentences: the text, the picture, and what can be asked of a reading."""
