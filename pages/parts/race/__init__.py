"""The GAN race's page in parts."""
