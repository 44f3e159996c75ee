import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from datasets_app.attributes import put_attributes
from datasets_app.jobs.running import run_job
from datasets_app.leaks.asking import find_report, make_report, request_report
from datasets_app.leaks.certainty import (
    DEFAULT_DISTANCE,
    MOST_DISTANCE,
    certainty_of,
    rate_at,
)
from datasets_app.leaks.finding import find_leaks
from datasets_app.leaks.neighbours import MOST_WAVES, PARTNERS, Hashes, find_pairs
from datasets_app.leaks.request import LeakRequest
from datasets_app.models import ImageHash, JobState, Leak
from datasets_app.sample.story import photo_at
from datasets_app.splitting import GroupKey, InvalidSplitting
from datasets_app.staging import ImageChange
from panoptic.perceptual import MIRROR_WAVES, PictureHash, distance, mirrored
from store_app.blobs import get_locations, put_file
from store_app.durable import blob_files
from tests.datasets_app.builders import author, commit_to, dataset, names, put_label
from tests.laws import examples

PHOTOS = 12
_originals = [photo_at(3, index) for index in range(PHOTOS)]


def picture(index: int) -> Image.Image:
    return Image.open(io.BytesIO(_originals[index])).convert("RGB")


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def mirror(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def crop(image: Image.Image) -> Image.Image:
    return image.crop((3, 2, image.width - 4, image.height - 3))


PLANTED = [
    (lambda image: jpeg(image.resize((200, 150))), "near"),
    (lambda image: jpeg(image.resize((image.width * 2, image.height * 2))), "near"),
    (lambda image: jpeg(image, 50), "near"),
    (lambda image: jpeg(ImageEnhance.Brightness(image).enhance(1.15), 80), "near"),
    (lambda image: jpeg(crop(image)), "near"),
    (lambda image: jpeg(mirror(image)), "mirrored"),
    (lambda image: jpeg(mirror(image).resize((160, 120)), 50), "mirrored"),
]
KINDS = ["rescaled", "enlarged", "q50", "brighter", "cropped", "mirrored", "mirrored and small"]


def put_photo(data: bytes) -> bytes:
    return put_file(io.BytesIO(data))


def commit_photos(data, **photos):
    """Commit photographs by name; `train_0` is in the split train."""
    return commit_to(
        data,
        [
            ImageChange(f"{name}.jpg", image=put_photo(photo), split=name.partition("_")[0])
            for name, photo in photos.items()
        ],
    )


def originals(split="train", count=PHOTOS):
    return {f"{split}_{index}": _originals[index] for index in range(count)}


def named(version, found):
    """The leaks as (kind, names)."""
    numbers = dict(version.dataset.images.values_list("image_no", "name"))
    return [
        (str(leak.kind), frozenset({numbers[leak.first_no], numbers[leak.second_no]}))
        for leak in found.leaks
    ]


def search(version, **fields):
    return find_leaks(version, LeakRequest(**fields))


# ---- photographs ------------------------------------------------------------


@pytest.mark.parametrize(("change", "kind"), PLANTED, ids=KINDS)
def test_a_changed_copy_in_another_split_is_found(db, change, kind):
    data = dataset()
    version = commit_photos(data, **originals(), test_copy=change(picture(5)))
    found = search(version)
    assert named(version, found) == [(kind, {"train_5.jpg", "test_copy.jpg"})]
    [leak] = found.leaks
    assert 0 <= leak.distance <= DEFAULT_DISTANCE
    assert 0.9 < leak.certainty <= 1


def test_the_same_bytes_in_two_splits_are_found(db):
    version = commit_photos(dataset(), **originals(), val_copy=_originals[2])
    found = search(version)
    assert named(version, found) == [("exact", {"train_2.jpg", "val_copy.jpg"})]
    assert (found.leaks[0].distance, found.leaks[0].certainty) == (0, 1.0)


def test_photographs_that_have_nothing_in_common_are_no_leak(db):
    half = PHOTOS // 2
    photos = {f"{'train' if i < half else 'test'}_{i}": _originals[i] for i in range(PHOTOS)}
    found = search(commit_photos(dataset(), **photos))
    assert found.leaks == []
    assert found.totals["leaks"] == 0
    assert found.totals["photographs"] == PHOTOS


def test_copies_within_a_split_are_no_leak(db):
    photos = originals() | {"train_copy": _originals[1], "train_small": jpeg(picture(1), 50)}
    assert search(commit_photos(dataset(), **photos)).leaks == []


def test_images_in_no_split_leak_nowhere(db):
    data = dataset()
    commit_photos(data, **originals(count=2))
    version = commit_to(data, [ImageChange("new.jpg", image=put_photo(_originals[0]))])
    found = search(version)
    assert found.leaks == []
    assert found.totals["without_split"] == 1


def test_what_looks_alike_by_steps_is_one_group(db):
    photos = {
        "train_a": _originals[0],
        "val_a": jpeg(picture(0), 50),
        "test_a": jpeg(mirror(picture(0))),
        "train_b": _originals[1],
        "test_b": _originals[1],
    }
    found = search(commit_photos(dataset(), **photos))
    assert found.totals["groups"] == 2
    assert found.totals["counts"] == {
        "exact": 1, "near": 1, "mirrored": 2, "group": 0, "same_label": 0,
    }  # fmt: skip
    assert sorted(leak.group for leak in found.leaks) == [1, 2, 2, 2]


def test_an_exact_copy_in_many_images_is_listed_once_for_each(db):
    photos = {f"{split}_{n}": _originals[0] for split in ("train", "test") for n in range(20)}
    found = search(commit_photos(dataset(), **photos))
    assert len(found.leaks) == 39
    assert {no for leak in found.leaks for no in (leak.first_no, leak.second_no)} == {*range(1, 41)}


def test_pictures_of_one_colour_are_not_compared_and_counted(db):
    grey, white = (jpeg(Image.new("RGB", (64, 48), color)) for color in ("#777", "#fff"))
    found = search(commit_photos(dataset(), train_grey=grey, test_white=white))
    assert found.leaks == []
    assert found.totals["not_compared"] == {"flat": 2, "unreadable": 0, "lost": 0}


def test_a_photograph_that_cannot_be_decoded_is_counted(db):
    version = commit_photos(dataset(), train_a=b"no photograph", test_b=_originals[0])
    assert search(version).totals["not_compared"]["unreadable"] == 1


def test_a_photograph_is_hashed_once(db, monkeypatch):
    data = dataset()
    version = commit_photos(data, **originals(count=3))
    search(version)
    assert ImageHash.objects.count() == 3
    monkeypatch.setattr("datasets_app.leaks.hashing.hash_photo", None)
    search(version)


def test_a_file_that_is_gone_is_counted_and_hides_no_other(db):
    data = dataset()
    version = commit_photos(data, **originals(count=3), test_x=jpeg(picture(1), 50))
    digest = put_photo(_originals[0])
    blob_files().delete(get_locations([digest])[0].pack)
    found = search(version)
    assert found.totals["not_compared"]["lost"] == 1
    assert named(version, found) == [("near", {"train_1.jpg", "test_x.jpg"})]
    assert not ImageHash.objects.filter(digest=digest).exists()


# ---- labels and groups ------------------------------------------------------


def test_the_same_label_on_other_photographs_is_told_apart_from_leaks(db):
    label = put_label("1122", {1: 1, 2: 2})
    data = dataset()
    version = commit_to(
        data,
        [
            ImageChange("a.jpg", image=put_photo(_originals[0]), label=label, split="train"),
            ImageChange("b.jpg", image=put_photo(_originals[1]), label=label, split="val"),
        ],
    )
    found = search(version)
    assert named(version, found) == [("same_label", {"a.jpg", "b.jpg"})]
    assert found.totals["leaks"] == 0
    assert found.leaks[0].certainty is None


def test_a_copy_with_its_label_is_one_leak(db):
    label, photo = put_label("1122", {1: 1, 2: 2}), put_photo(_originals[0])
    changes = names("a.jpg", image=photo, label=label, split="train")
    changes += names("b.jpg", image=photo, label=label, split="val")
    found = search(commit_to(dataset(), changes))
    assert [leak.kind for leak in found.leaks] == ["exact"]


def test_a_group_that_is_divided_is_a_leak(db):
    changes = names("night/1.jpg", "night/2.jpg", "day/1.jpg", split="train")
    changes += names("night/3.jpg", split="val")
    version = commit_to(dataset(), changes)
    assert search(version).leaks == []
    [leak] = search(version, group=GroupKey(folders=1)).leaks
    assert leak.kind == "group"
    assert leak.detail == {"key": "night", "splits": {"train": 2, "val": 1}}


def test_groups_by_an_attribute_are_looked_at(db):
    [video] = put_attributes([{"video": 7}])
    changes = names("a.jpg", split="train", attributes=video)
    changes += names("b.jpg", split="test", attributes=video)
    [leak] = search(commit_to(dataset(), changes), group=GroupKey(attribute="video")).leaks
    assert leak.detail["key"] == "7"


def test_the_parts_of_a_key_are_told_as_text(db):
    changes = names("ulm_1_a.jpg", split="train") + names("ulm_1_b.jpg", split="test")
    version = commit_to(dataset(), changes)
    report = make_report(version, LeakRequest(group=GroupKey(pattern="{key}_{key}_*")))
    assert report.leaks.get().detail["key"] == "ulm 1"


def test_an_empty_version_has_no_leaks(db):
    data = dataset()
    commit_to(data, names("a.jpg"))
    version = commit_to(data, [ImageChange("a.jpg", delete=True)])
    assert search(version).leaks == []


# ---- reports ----------------------------------------------------------------


def test_a_report_is_made_by_a_job_and_kept(db):
    version = commit_photos(dataset(), **originals(count=3), test_copy=_originals[0])
    assert find_report(version, LeakRequest()) is None
    waiting = request_report(version, LeakRequest(), actor=author())
    assert request_report(version, LeakRequest(), actor=author()).job_id == waiting.job_id
    run_job(str(waiting.job_id))
    first = find_report(version, LeakRequest())
    assert first.job.state == JobState.DONE
    assert first.totals["leaks"] == 1
    again = request_report(version, LeakRequest(), actor=author())
    assert (again.pk, again.job_id) == (first.pk, first.job_id)


def test_another_distance_is_another_report(db):
    version = commit_photos(dataset(), **originals(count=2))
    reports = [request_report(version, LeakRequest(d), actor=author()) for d in (4, 8)]
    assert len({report.pk for report in reports}) == 2


def test_a_report_that_is_made_twice_has_its_leaks_once(db):
    version = commit_photos(dataset(), **originals(count=2), test_copy=_originals[0])
    make_report(version, LeakRequest())
    make_report(version, LeakRequest())
    assert Leak.objects.count() == 1


@pytest.mark.parametrize("distance", [-1, MOST_DISTANCE + 1])
def test_a_distance_that_was_not_measured_is_refused(distance):
    with pytest.raises(InvalidSplitting):
        LeakRequest(distance)


# ---- certainty --------------------------------------------------------------


def test_certainty_falls_with_distance_and_with_the_size_of_a_version():
    for size in (2, 1_000, 100_000):
        values = [certainty_of(bits, size) for bits in range(MOST_DISTANCE + 1)]
        assert values == sorted(values, reverse=True)
        assert all(0 <= value <= 1 for value in values)
    assert certainty_of(10, 100) > certainty_of(10, 100_000)


def test_a_rate_of_which_nothing_was_seen_is_not_zero():
    assert rate_at(0) > 0


# ---- search -----------------------------------------------------------------

words = st.integers(0, 2**64 - 1)


@st.composite
def near_hashes(draw):
    """Some hashes, many of them near each other or each other's mirror image."""
    found = [PictureHash(draw(words), (draw(words), draw(words)))]
    for _ in range(draw(st.integers(1, 12))):
        base = found[draw(st.integers(0, len(found) - 1))]
        base = mirrored(base) if draw(st.booleans()) else base
        waves = base.waves
        for bit in draw(st.lists(st.integers(0, 63), max_size=MOST_WAVES + 2)):
            waves ^= 1 << bit
        found.append(PictureHash(waves, (base.slopes[0] ^ draw(st.integers(0, 7)), base.slopes[1])))
    return found


def near(a, b, most):
    waves = (a.waves ^ b.waves).bit_count()
    return waves <= min(most, MOST_WAVES) and distance(a, b) <= most


@examples(60)
@given(near_hashes(), st.integers(0, 20), st.randoms(use_true_random=False))
def test_the_search_finds_what_comparing_all_pairs_finds(hashes, most, random):
    split = [random.randrange(3) for _ in hashes]
    table = Hashes(
        np.array([h.waves for h in hashes], np.uint64),
        np.array([h.slopes for h in hashes], np.uint64),
        np.array(split, np.int64),
        np.array(split, np.int64),
    )
    expected = {False: set(), True: set()}
    for a, b in itertools.combinations(range(len(hashes)), 2):
        if split[a] != split[b]:
            if near(hashes[a], hashes[b], most):
                expected[False].add((a, b))
            elif near(hashes[a], mirrored(hashes[b]), most):
                expected[True].add((a, b))
    for turned in (False, True):
        found = find_pairs(table, most, mirrored=turned)
        pairs = set(zip(found.pairs.first.tolist(), found.pairs.second.tolist(), strict=True))
        assert found.total == len(expected[turned])
        assert pairs <= expected[turned]
        assert len(expected[turned]) > PARTNERS or pairs == expected[turned]


def test_a_thousand_frames_of_a_standing_camera_keep_few_pairs_and_count_all():
    count = 1_000
    split = np.arange(count) % 2
    slopes = np.zeros((count, 2), np.uint64)
    found = find_pairs(Hashes(np.zeros(count, np.uint64), slopes, split, split), 8)
    assert found.total == 500 * 500
    assert len(found.pairs.first) <= PARTNERS * count
    assert {*found.pairs.first.tolist(), *found.pairs.second.tolist()} == {*range(count)}


def test_mirrored_waves_are_half_of_them():
    assert 24 <= MIRROR_WAVES.bit_count() <= 40
