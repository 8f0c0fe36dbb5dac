"""The parts of the CycleGAN page."""
