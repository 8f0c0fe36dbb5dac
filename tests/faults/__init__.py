"""Faults of the machine and of its neighbours, injected one by one; those of runs themselves: `tests/test_faults.py`."""
