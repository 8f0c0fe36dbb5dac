"""The cost page's own parts."""
