import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions.commits import ImageChange
from datasets_app.actions.tags import create_tag
from datasets_app.entries import Entry, Status
from datasets_app.errors import NameTaken, TagIsFixed
from datasets_app.manifest import header_line, image_line, iter_manifest, manifest_sha256
from datasets_app.models import Tag
from tests.datasets_app.builders import author, commit_to, dataset, names, put_bytes, put_label
from tests.laws import examples

pytestmark = pytest.mark.django_db


def test_the_lines_of_a_manifest_are_those_of_the_format():
    assert header_line(bytes([1] * 32)) == (b"tessera-manifest\t1\ttaxonomy\t" + b"01" * 32 + b"\n")
    line = image_line(
        "val/ä.png",
        Entry(
            bytes(32),
            image=bytes([1] * 32),
            label=bytes([2] * 32),
            split="val",
            status=Status.PRELABELLED,
        ),
    )
    assert (
        line
        == "\t".join(("val/ä.png", "01" * 32, "02" * 32, "val", "pre-labelled", "-\n")).encode()
    )


def test_names_are_in_the_order_of_their_bytes():
    streets = dataset()
    version = commit_to(streets, names("b", "a/b", "a.b", "B", "é", "z", "\U0001f600", "\uffee"))
    found = [line.split(b"\t")[0].decode() for line in iter_manifest(version)][1:]
    assert found == sorted(found, key=str.encode)
    assert found[0] == "B"
    assert found[-1] == "\U0001f600"


def test_anyone_can_recompute_the_digest_of_a_tag():
    streets = dataset()
    photo, mask = put_bytes("photo"), put_label("12", {1: 1, 2: 2})
    version = commit_to(streets, names("a.png", "b.png", image=photo, label=mask, split="val"))
    tag = create_tag(dataset=streets, name="1.0", version=version, actor=author())
    lines = [f"tessera-manifest\t1\ttaxonomy\t{version.taxonomy_version.digest.hex()}"]
    facts = f"{photo.hex()}\t{mask.hex()}\tval\tlabelled\t-"
    lines += [f"{name}\t{facts}" for name in ("a.png", "b.png")]
    text = "".join(line + "\n" for line in lines)
    assert tag.manifest_sha256 == hashlib.sha256(text.encode()).digest()


def test_images_of_other_versions_are_not_in_a_manifest():
    streets = dataset()
    first = commit_to(streets, names("a"))
    commit_to(streets, names("b"))
    assert len(list(iter_manifest(first))) == 2


def test_a_tag_exists_once_and_never_moves():
    streets = dataset()
    version = commit_to(streets, names("a"))
    tag = create_tag(dataset=streets, name="1.0", version=version, actor=author())
    with pytest.raises(NameTaken):
        create_tag(dataset=streets, name="1.0", version=version, actor=author())
    tag.version = commit_to(streets, names("b"))
    with pytest.raises(TagIsFixed):
        tag.save()
    assert Tag.objects.get().version == version


class Portable(TestCase):
    @examples(15)
    @given(
        st.dictionaries(
            st.text("abcé/", min_size=1).filter(lambda name: all(part for part in name.split("/"))),
            st.sampled_from(["", "train", "val"]),
            min_size=1,
            max_size=8,
        ),
        st.randoms(),
    )
    def test_the_same_content_has_the_same_manifest_in_a_fresh_dataset(self, splits, random):
        one = dataset()
        commit_to(one, [ImageChange(name, split=split) for name, split in splits.items()])
        order = list(splits)
        random.shuffle(order)
        # Other numbers, a detour, and many commits.
        other = dataset()
        commit_to(other, names("detour"))
        for name in order:
            commit_to(other, [ImageChange(name, split=splits[name])])
        commit_to(other, [ImageChange("detour", delete=True)])
        digests = {manifest_sha256(each.branches.get().head) for each in (one, other)}
        assert len(digests) == 1
