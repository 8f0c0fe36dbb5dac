"""Data that needs no network: sets on the plane with exact densities, drawings, and small sets of images."""
