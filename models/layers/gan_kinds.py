"""The kinds of GAN that race: each is the plain one but for what its row says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """What a kind of GAN does otherwise than the plain one."""

    loss: str = "non_saturating"
    clip: float = 0.0
    gp_weight: float = 0.0
    r1: float = 0.0
    r2: float = 0.0
    spectral: bool = False
    smoothing: float = 0.0
    noise: float = 0.0
    ema: float = 0.0
    source: str = ""


VARIANTS: Mapping[str, Variant] = {
    "minimax": Variant("minimax", source="Goodfellow et al. 2014, eq. 1"),
    "non_saturating": Variant(source="Goodfellow et al. 2014, section 3"),
    "least_squares": Variant("least_squares", source="Mao et al. 2017"),
    "hinge_spectral": Variant("hinge", spectral=True, source="Lim and Ye 2017, Miyato et al. 2018"),
    "wgan_clip": Variant("wasserstein", clip=0.1, source="Arjovsky et al. 2017"),
    "wgan_gp": Variant("wasserstein", gp_weight=0.1, source="Gulrajani et al. 2017"),
    "r1": Variant(r1=0.1, source="Mescheder et al. 2018"),
    "r3gan": Variant("relativistic", r1=0.1, r2=0.1, source="Huang et al. 2024"),
    "label_smoothing": Variant(smoothing=0.1, source="Salimans et al. 2016"),
    "instance_noise": Variant(noise=0.1, source="Sønderby et al. 2017"),
    "average": Variant(ema=0.998, source="Yazıcı et al. 2019"),
}
