"""Drivers that load a real server, each with its figure: `python -m tests.load sessions --count 100 --seconds 60`."""
