"""The measurement of a large JSON: what it makes is imported whole, and its limit is a limit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.big_coco_data import write_big_instances, write_big_panoptic
from benchmarks.process_tree import watch
from panoptic.formats.registry import get_format
from tests.panoptic.formats.files import bind_all, read_all

_ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("form", "write"),
    [("coco_instances", write_big_instances), ("coco_panoptic", write_big_panoptic)],
)
def test_the_data_are_valid_and_no_two_labels_are_equal(tmp_path, form, write):
    path = tmp_path / "big.json"
    count = write(path, 500_000)
    assert 500_000 <= path.stat().st_size < 1_000_000
    format_ = get_format(form)
    binding, _ = bind_all(format_, path)
    images, problems = read_all(format_, path, binding=binding)
    assert problems == ()
    assert len(images) == len({image.label for image in images}) == count > 1


def test_memory_is_that_of_all_processes_together(tmp_path):
    hold = "import time; held = bytearray(50_000_000); time.sleep(1)"
    both = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}]); {hold}"
    alone = watch([sys.executable, "-c", hold], {}, tmp_path)
    nested = watch([sys.executable, "-c", both], {}, tmp_path)
    assert 50e6 < alone.peak_bytes < nested.peak_bytes < 100e6
    assert nested.seconds > 2


def test_files_without_a_name_are_counted(tmp_path):
    spool = (
        "import tempfile, time; file = tempfile.TemporaryFile(); "
        "file.write(bytes(5_000_000)); file.flush(); time.sleep(1)"
    )
    done = watch([sys.executable, "-c", spool], {"TMPDIR": str(tmp_path)}, tmp_path)
    assert done.spooled_bytes == pytest.approx(5_000_000, rel=0.01)


@pytest.mark.long
def test_more_memory_than_the_limit_is_a_failure(tmp_path):
    words = ["coco_instances", "--megabytes", "0.5", "--folder", str(tmp_path), "--json"]
    command = [sys.executable, "-m", "benchmarks.big_coco_json", *words]
    done = subprocess.run([*command, "--limit", "1"], cwd=_ROOT, stdout=subprocess.PIPE)
    assert done.returncode == 1
    rows = json.loads(done.stdout)
    assert [row["step"] for row in rows] == ["import", "import again", "export"]
    assert all(row["peak MB"] > 1 for row in rows)
    assert list(tmp_path.iterdir()) == []
