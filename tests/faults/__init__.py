"""Faults of the machine and its neighbours, injected one by one; those of runs: `tests/test_faults.py`."""
