"""Torchlight's runs: queued, trained in processes of their own, recorded durably, told to whoever watches."""
