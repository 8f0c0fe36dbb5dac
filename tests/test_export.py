"""What leaves the store reads back as what was recorded, in other people's readers."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
import sqlite3
import struct
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event

from models.catalogue import experiments
from models.experiment import Experiment
from models.gan import GanTraining
from pages.parts.export import report
from state.__main__ import main
from state.export import CannotExport, events, export, named, pictures
from state.export.script import script
from state.export.weights import missing
from state.frames import decode
from state.runs import Run, Runs
from tests.waiting import until

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def run(shared_home: Path) -> Run:
    with Runs(shared_home) as store:
        run = store.open(GanTraining(steps=60))
        until(lambda: run.status().ended)
    return Runs(shared_home).find(run.key)  # type: ignore[return-value]


def test_csv_reads_back_bit_for_bit(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(export(run, "csv").data.decode(), newline="")))
    for name, (steps, values) in run.columns().items():
        told = {int(row["step"]): float(row[name]) for row in rows if row[name]}
        assert list(told) == steps.tolist()
        np.testing.assert_array_equal(np.array(list(told.values())), values)


def test_parquet_has_the_same_table_and_says_what_it_is(run: Run) -> None:
    table = pq.read_table(io.BytesIO(export(run, "parquet").data))
    steps, values = run.columns()["loss_d"]
    present = table.filter(table["loss_d"].is_valid())
    assert present["step"].to_pylist() == steps.tolist()
    np.testing.assert_array_equal(present["loss_d"].to_numpy(), values)
    assert table.schema.metadata[b"torchlight.experiment"].decode() == repr(run.experiment)


def test_every_moment_is_in_the_archive_and_needs_no_pickle(run: Run) -> None:
    with np.load(io.BytesIO(export(run, "npz-all").data), allow_pickle=False) as archive:
        assert archive["steps"].tolist() == run.moments().tolist() and not len(archive["damaged"])
        for row, step in enumerate(archive["steps"].tolist()):
            for name, array in run.snapshot(step).arrays.items():  # type: ignore[union-attr]
                kept = archive[name][row] if name in archive else archive[f"{name}@{step}"]
                np.testing.assert_array_equal(kept, array)


def test_one_moment_is_the_newest_not_later(run: Run) -> None:
    with np.load(io.BytesIO(export(run, "npz", 17).data), allow_pickle=False) as archive:
        assert archive["step"] == run.snapshot(17).step  # type: ignore[union-attr]
    assert named(run, "npz", 17) == f"torchlight-gan-{run.key[:6]}-17.npz"


def test_too_many_pictures_are_refused_with_a_way_out(run: Run) -> None:
    with pytest.raises(CannotExport, match="Export the shown one"):
        pictures.npz_all(run, most_bytes=1000)


def test_a_damaged_picture_is_left_out_and_named(run: Run, shared_home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "home"
    shutil.copytree(shared_home, copy, ignore=shutil.ignore_patterns("*.lock"))
    with closing(sqlite3.connect(copy / "runs" / run.key / "run.db")) as database:
        database.execute("update snapshot set data = x'00' where step = 5")
        database.commit()
    with Runs(copy) as store:
        found = store.find(run.key)
        assert found is not None
        with np.load(io.BytesIO(export(found, "npz-all").data), allow_pickle=False) as archive:
            assert archive["damaged"].tolist() == [5] and 5 not in archive["steps"]


def test_a_run_without_a_checkpoint_says_so(run: Run) -> None:
    with pytest.raises(CannotExport, match="no readable checkpoint at step -1"):
        export(run, "safetensors", -1)
    assert missing(run, -1) is not None and missing(run) is None


def test_a_report_stays_within_its_size_and_keeps_the_shown_moment(run: Run) -> None:
    whole, kept, count = report.packed(run, None, 8_000_000, 1)
    assert kept == count == len(run.moments())
    most = sum(map(len, whole)) // 2
    small, kept, _ = report.packed(run, 17, most, 1)
    assert 2 < kept < count and sum(map(len, small)) < 1.02 * most
    steps = [decode(zlib.decompress(base64.b64decode(text)))[0].get("step") for text in small[-kept:]]
    assert 17 in steps and steps[0] == 0 and steps[-1] == 60


def test_weights_are_the_checkpoints_without_the_optimizer(run: Run, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(export(run, "safetensors").data)
    whole = run.checkpoint(60)
    assert whole is not None
    with safetensors.safe_open(tmp_path / "w", "numpy") as file:
        assert {"g", "d"} <= set(file.keys()) and not {"noise", "cursor"} & set(file.keys())
        for name in file.keys():  # noqa: SIM118
            np.testing.assert_array_equal(file.get_tensor(name), whole.arrays[name])
        assert json.loads(file.metadata()["knobs"])["steps"] == 60


def records(data: bytes) -> list[bytes]:
    """The records of a TFRecord file, each checked by the CRC of another implementation."""

    def masked(raw: bytes) -> int:
        crc = crc32c(raw)
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    found, at = [], 0
    while at < len(data):
        (length, check) = struct.unpack_from("<QI", data, at)
        body = data[at + 12 : at + 12 + length]
        assert masked(data[at : at + 8]) == check
        assert masked(body) == struct.unpack_from("<I", data, at + 12 + length)[0]
        found.append(body)
        at += length + 16
    return found


def test_event_files_are_read_by_tensorboards_own_messages(run: Run) -> None:
    told = [Event.FromString(body) for body in records(export(run, "tensorboard").data)]
    assert told[0].file_version == "brain.Event:2"
    for name, (steps, values) in run.columns().items():
        pairs = [(e.step, v.simple_value) for e in told for v in e.summary.value if v.tag == name]
        assert [step for step, _ in pairs] == steps.tolist()
        np.testing.assert_array_equal([value for _, value in pairs], values.astype(np.float32))


def test_castagnoli_agrees_with_the_standard() -> None:
    assert events.crc32c(b"123456789") == 0xE3069283  # RFC 3720, B.4 names the polynomial; this is its check value
    assert events.varint(300) == b"\xac\x02"


def short(cls: type[Experiment]) -> Experiment:
    return cls(steps=int(cls.knobs()["steps"].low or 1))  # type: ignore[call-arg]


@pytest.mark.parametrize("cls", experiments().values(), ids=experiments())
def test_the_script_runs_with_models_alone(cls: type[Experiment], tmp_path: Path) -> None:
    text = script(short(cls))
    scope: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(text, "script.py", "exec"), scope)
    assert scope["curves"] or scope["pictures"]


def test_the_script_imports_neither_the_app_nor_the_store(tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(ROOT / "models")
    (tmp_path / "script.py").write_text(script(GanTraining(steps=1)), encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "loss_d" in done.stdout, done.stderr


def test_the_command_writes_a_named_file(run: Run, shared_home: Path, tmp_path: Path) -> None:
    assert main(["export", run.key, "--format", "csv", "--to", str(tmp_path), "--home", str(shared_home)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [named(run, "csv")]
