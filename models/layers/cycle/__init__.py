"""The parts of a CycleGAN: two domains, two translators, two discriminators, and one training step."""
