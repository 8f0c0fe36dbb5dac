"""The memory page's own parts."""
