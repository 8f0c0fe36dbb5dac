"""The parts of the page of the visitor's own classes."""
