"""The gallery: every run of this store as one table, and any runs of one family on the same axes."""
