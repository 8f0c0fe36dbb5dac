"""Faults of the machine, its neighbours and strangers, injected one by one; those of runs: `tests/test_faults.py`.

The table of all of them is in the README, under "When something fails"; `test_table.py` holds it to them.
"""
