"""Several app servers on one home behind nginx, as `deploy/nginx.conf` puts them there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browsing import ROOT, answers, free_port, server
from tests.waiting import until

NGINX = shutil.which("nginx")


@contextmanager
def nginx(ports: Sequence[int]) -> Iterator[str]:
    """The address of nginx with our own configuration, before servers on these ports of this machine."""
    assert NGINX is not None, "needs nginx (Debian: nginx-light)"
    port, text = free_port(), (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for line in ("    server {0};\n", "    {0} {0};\n"):
        assert line.format("127.0.0.1:8501") in text
        ours = "".join(line.format(f"127.0.0.1:{each}") for each in ports)
        text = text.replace(line.format("127.0.0.1:8501"), ours)
    assert "listen 80;" in text
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    with TemporaryDirectory() as place:
        temporary = "".join(
            f"{kind}_temp_path {place}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;\n" if os.getuid() == 0 else ""
        Path(place, "nginx.conf").write_text(
            f"{user}daemon off;\npid {place}/pid;\nworker_processes 1;\nevents {{ worker_connections 4096; }}\n"
            f"http {{\naccess_log off;\n{temporary}{text}\n}}\n"
        )
        command = [NGINX, "-p", place, "-c", f"{place}/nginx.conf", "-e", f"{place}/log"]
        process = subprocess.Popen(command)
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}"), 20)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


@contextmanager
def replicas(home: Path, count: int) -> Iterator[str]:
    """The address before `count` servers of one home: the server itself where it is one, else nginx."""
    with ExitStack() as standing:
        addresses = [standing.enter_context(server(home)) for _ in range(count)]
        if count == 1:
            yield addresses[0]
        else:
            yield standing.enter_context(nginx([int(each.rsplit(":", 1)[1]) for each in addresses]))
