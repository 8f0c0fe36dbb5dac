"""The freeze lab's own parts: one file for each tab, and what they share."""
