"""Torchlight's models: each file at this level is one family, readable alone, with PyTorch and NumPy only."""
