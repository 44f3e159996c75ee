"""A client that is killed at any moment goes on where it was, and ends with the very same files."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datasets_app.staging import ImageChange
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from people_app.actions.tokens import create_token
from tessera.cache import Cache
from tessera.http import Connection
from tessera.pulling import PullRequest, pull
from tests.api.builders import CAR, ROAD, build_world, person, put_photo
from tests.api.builders import png as photo_of
from tests.builders import label
from tests.datasets_app.builders import commit_to
from tests.tessera.answering import AnsweringServer, forwarding
from tests.tessera.builders import files_below

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

KILLS = 10
IMAGES = 120
ROOT = Path(__file__).resolve().parent.parent.parent

CLIENT = """
import sys
from pathlib import Path
from tessera.cache import Cache
from tessera.http import Connection
from tessera.pulling import PullRequest, asking, fetch, pull
asking._FIRST_PAGE = asking._LARGEST_PAGE = 10
asking._SMALLEST_PAGE = 1
fetch._BATCH_OBJECTS = 4
url, token, folder = sys.argv[1:]
with Connection(url, token, connections=2) as connection, Cache(Path(folder)) as cache:
    pull(connection, cache, PullRequest("streets", "main"))
"""


@pytest.fixture
def token():
    """A dataset of many small labels and some photographs; the token of its admin."""
    world = build_world()
    numbers = range(1, IMAGES + 1)
    labels = [pack_label(label("1" * n + "2" * (n % 3 + 1), {1: ROAD, 2: CAR})) for n in numbers]
    register_labels(labels)
    changes = [
        ImageChange(
            f"x/{n:03}.png",
            None if n % 10 else put_photo(photo_of(1, n + n % 3 + 1), 1, n + n % 3 + 1),
            labels[n - 1].digest,
        )
        for n in numbers
    ]
    commit_to(world.dataset, changes)
    return create_token(user=person("ada")).secret


def start(url: str, token: str, folder: Path) -> subprocess.Popen[bytes]:
    """Pull in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", CLIENT, url, token, str(folder)], cwd=ROOT)


def asked_for(server: AnsweringServer, since: int) -> list[str]:
    """The blobs that were asked for since so many requests."""
    return [
        digest
        for asked in server.asked[since:]
        if asked.path.endswith("/blobs/fetch/")
        for digest in json.loads(asked.body)["digests"]
    ]


def held(folder: Path, digests: list[str]) -> set[str]:
    """Those of the blobs that a cache has."""
    with Cache(folder) as cache:
        return {found.hex() for found in cache.find(bytes.fromhex(text) for text in digests)}


def wait_for_request(server: AnsweringServer, since: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while len(server.asked) <= since and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_pull_killed_ten_times_is_the_one_that_nobody_killed(live_server, token, tmp_path):
    chance = random.Random(5)

    def slowly(asked, answer):
        time.sleep(0.01)
        return answer

    with forwarding(live_server.url, slowly) as server:
        with Connection(server.url, token) as connection, Cache(tmp_path / "whole") as cache:
            whole = pull(connection, cache, PullRequest("streets", "main"))
        every = asked_for(server, 0)
        assert len(every) == len(set(every)) > IMAGES
        killed, progress = 0, []
        for _ in range(KILLS):
            have = held(tmp_path / "killed", every)
            since = len(server.asked)
            process = start(server.url, token, tmp_path / "killed")
            wait_for_request(server, since, process)
            time.sleep(chance.uniform(0, 0.25))
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
            process.wait(30)
            # Nothing that is in the cache is asked for again.
            assert have.isdisjoint(asked_for(server, since))
            progress.append(len(have))
        have = held(tmp_path / "killed", every)
        since = len(server.asked)
        assert start(server.url, token, tmp_path / "killed").wait(60) == 0
        assert have.isdisjoint(asked_for(server, since))

    assert killed >= 3
    assert progress == sorted(progress)
    [folder] = (tmp_path / "killed").glob("snapshots/*/*")
    assert folder.name == whole.folder.name
    assert files_below(folder) == files_below(whole.folder)
    with Cache(tmp_path / "killed") as mended, Cache(tmp_path / "whole") as expected:
        assert mended.totals() == expected.totals()
        assert list(mended.verify()) == []
        assert mended.missing(bytes.fromhex(digest) for digest in every) == []
