"""Under which names this server lets its own routes be reached: the answer to DNS rebinding.

A stranger's page can have its own name point at this machine; then its scripts and this server share an "origin", and
only the name in the Host header tells them apart. An address in digits or a bare name cannot be made to point anywhere
by strangers, so those are always served, and so are the names in `TORCHLIGHT_HOSTS` (separated by spaces, `*.` for all
names below one). A public server (`TORCHLIGHT_PUBLIC=1`) without such a list serves any: what it shows, it shows all.
"""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Mapping
from functools import lru_cache

log = logging.getLogger("torchlight")


def served(host: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether own routes answer to this Host header."""
    listed = tuple(environment.get("TORCHLIGHT_HOSTS", "").lower().split())
    public = environment.get("TORCHLIGHT_PUBLIC") == "1"
    return _served(host.lower()[:300], listed, public)


@lru_cache(maxsize=256)
def _served(host: str, listed: tuple[str, ...], public: bool) -> bool:
    name = _name(host)
    if not name:
        return False
    if _bare(name) or (public and not listed):
        return True
    if any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in listed):
        return True
    log.warning("The live picture is not served under the name %r; TORCHLIGHT_HOSTS would allow it.", name)
    return False


def _name(host: str) -> str:
    """The Host header without its port; empty where it is no name at all."""
    name, _, port = host.rpartition(":") if host.count(":") == 1 or host.startswith("[") else (host, "", "")
    if host.startswith("[") and host.endswith("]"):
        name, port = host, ""
    name = name.strip("[]").rstrip(".")
    return name if port.isdecimal() or not port else ""


def _bare(name: str) -> bool:
    """Whether no stranger can have this name point anywhere: an address in digits, or a name without a dot."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith((".localhost", ".local"))
    return True
