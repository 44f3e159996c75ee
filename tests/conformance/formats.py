"""What every label format must do; the tests of a format inherit `FormatConformance`, of one that
is only written `WriterConformance`."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.errors import UnknownClass
from panoptic.formats.base import (
    Binding,
    ExportClass,
    ExportImage,
    Format,
    ReadOptions,
    TargetExists,
    WriteOptions,
)
from panoptic.formats.problems import Problem
from panoptic.formats.registry import get_format
from panoptic.label import Label
from tests.builders import label
from tests.laws import examples
from tests.panoptic.formats.files import export_image, read_all, write_all


class WriterConformance:
    """What needs no reader. Subclasses say what their format writes."""

    format: ClassVar[Format]
    target_name: ClassVar[str]
    classes: ClassVar[tuple[ExportClass, ...]]

    @staticmethod
    def example() -> Label:
        """A label with a segment."""
        raise NotImplementedError

    @staticmethod
    def image_name(number: int) -> str:
        """The name of an image that the format gives back as it was; in the order of numbers."""
        return f"{number}.jpg"

    def test_it_is_registered_by_its_name(self) -> None:
        assert get_format(self.format.name) is self.format
        assert re.fullmatch("[a-z][a-z0-9_]*", self.format.name)

    def test_records_and_encoder_travel_through_pickle(self, tmp_path: Path) -> None:
        image = export_image(self.image_name(0), self.example())
        target = tmp_path / "travelled" / self.target_name
        with self.format.create(target, self.classes, WriteOptions()) as out:
            encode = pickle.loads(pickle.dumps(out.encode))
            out.add(pickle.loads(pickle.dumps(encode(image))))
            assert out.close().segments == 1
        write_all(self.format, tmp_path / "stayed" / self.target_name, [image], self.classes)
        assert content_of(tmp_path / "travelled") == content_of(tmp_path / "stayed")

    def test_the_same_images_give_the_same_bytes(self, tmp_path: Path) -> None:
        images = self._images({self.image_name(n): self.example() for n in range(3)})
        for folder in ("a", "b"):
            write_all(self.format, tmp_path / folder / self.target_name, images, self.classes)
        assert content_of(tmp_path / "a") == content_of(tmp_path / "b")

    def test_an_export_overwrites_nothing(self, tmp_path: Path) -> None:
        images = self._images({self.image_name(0): self.example()})
        write_all(self.format, tmp_path / self.target_name, images, self.classes)
        before = content_of(tmp_path)
        with pytest.raises(TargetExists):
            write_all(self.format, tmp_path / self.target_name, images, self.classes)
        assert content_of(tmp_path) == before

    def test_a_broken_export_leaves_nothing(self, tmp_path: Path) -> None:
        strange = export_image(self.image_name(1), label("1", {1: 60_000}))
        images = [*self._images({self.image_name(0): self.example()}), strange]
        with pytest.raises(UnknownClass):
            write_all(self.format, tmp_path / self.target_name, images, self.classes)
        assert list(tmp_path.iterdir()) == []

    def test_an_export_without_images_is_whole(self, tmp_path: Path) -> None:
        report = write_all(self.format, tmp_path / self.target_name, [], self.classes)
        assert (report.images, report.segments, report.problems) == (0, 0, ())
        assert (tmp_path / self.target_name).exists()

    def _images(self, named: dict[str, Any]) -> list[ExportImage]:
        return [export_image(name, label_) for name, label_ in named.items()]


class FormatConformance(WriterConformance):
    """Subclasses say which labels their format can carry."""

    binding: ClassVar[Binding]
    # How to read what was written, so that the painting order comes back.
    options: ClassVar[ReadOptions] = ReadOptions()

    @staticmethod
    def labels() -> st.SearchStrategy[Label]:
        """Labels that survive: of the ids, classes and fields that the format has."""
        raise NotImplementedError

    # The laws are functions inside of the tests: hypothesis wants one class per @given.

    def test_labels_come_back_as_they_were(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        @examples(50)
        @given(drawn=st.lists(self.labels(), min_size=1, max_size=3))
        def law(drawn: list[Label]) -> None:
            named = {self.image_name(number): label_ for number, label_ in enumerate(drawn)}
            target = tmp_path_factory.mktemp("round") / self.target_name
            write_all(self.format, target, self._images(named), self.classes)
            assert self._read(target) == named

        law()

    def test_a_second_round_writes_the_same_bytes(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        @examples(25)
        @given(drawn=self.labels())
        def law(drawn: Label) -> None:
            folders = tmp_path_factory.mktemp("1"), tmp_path_factory.mktemp("2")
            images = self._images({self.image_name(0): drawn})
            write_all(self.format, folders[0] / self.target_name, images, self.classes)
            images = self._images(self._read(folders[0] / self.target_name))
            write_all(self.format, folders[1] / self.target_name, images, self.classes)
            assert content_of(folders[0]) == content_of(folders[1])

        law()

    def test_items_and_what_is_read_of_them_travel_through_pickle(self, tmp_path: Path) -> None:
        images = self._images({self.image_name(0): self.example()})
        write_all(self.format, tmp_path / self.target_name, images, self.classes)
        with self.format.open(tmp_path / self.target_name, self.options) as source:
            (item,) = source.iter_items()
        read = pickle.loads(pickle.dumps(self.format.read_item))
        image = read(pickle.loads(pickle.dumps(item)), dict(self.binding), self.options)
        assert pickle.loads(pickle.dumps(image)) == image
        assert image.label == self.example()

    def test_items_can_be_read_twice(self, tmp_path: Path) -> None:
        names = [self.image_name(0), self.image_name(1)]
        images = self._images(dict.fromkeys(names, self.example()))
        write_all(self.format, tmp_path / self.target_name, images, self.classes)
        with self.format.open(tmp_path / self.target_name, self.options) as source:
            assert list(source.iter_items()) == list(source.iter_items())
            assert [item.name for item in source.iter_items()] == names

    def test_every_problem_has_a_code_and_a_sentence(self, tmp_path: Path) -> None:
        for problem in self.problems(tmp_path):
            assert re.fullmatch("[a-z_]+", problem.code)
            assert problem.message
            assert problem.file or problem.image

    def problems(self, folder: Path) -> tuple[Problem, ...]:
        """Those of an export to which something was done that no reader can mend."""
        images = self._images({self.image_name(0): self.example()})
        write_all(self.format, folder / self.target_name, images, self.classes)
        for path in (path for path in folder.rglob("*.png") if path.is_file()):
            path.write_bytes(path.read_bytes()[:40])
        _, problems = read_all(self.format, folder / self.target_name, self.options, {})
        assert problems
        return problems

    def _read(self, path: Path) -> dict[str, Label | None]:
        images, problems = read_all(self.format, path, self.options, self.binding)
        assert problems == ()
        return {image.name: image.label for image in images}


def content_of(folder: Path) -> dict[str, bytes]:
    """The files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
