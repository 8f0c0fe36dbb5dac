"""A stand-in for the engine: a small app whose runs are made up, for trying the live view and the brush."""
