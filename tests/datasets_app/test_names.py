import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_app.errors import InvalidName
from datasets_app.names import clean_image_name, clean_ref_name, clean_split, is_storable


def test_names_are_given_the_form_nfc():
    assert clean_image_name("e\u0301.png") == "\u00e9.png"


@pytest.mark.parametrize("name", ["a", "a/b.png", "..a", "a..b", "a b", "0", "x" * 1024])
def test_relative_paths_are_names(name):
    assert clean_image_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "/", "a/", "../a", "a/..", "./a", "C:/a", "a\\..\\b", "a\tb", "\ud800", "a\x00"]
)
def test_other_texts_are_no_names(name):
    with pytest.raises(InvalidName):
        clean_image_name(name)


@given(st.text())
def test_every_text_is_a_clean_name_or_refused(text):
    try:
        name = clean_image_name(text)
    except InvalidName:
        return
    assert clean_image_name(name) == name == unicodedata.normalize("NFC", text)
    assert is_storable(name)
    assert not {"", ".", ".."} & set(name.split("/"))


@pytest.mark.parametrize(
    "name", ["main", "fix/cars", "v1.0", "abcdef1", "ABCDEF12", "v", "release-2"]
)
def test_names_of_branches_and_tags(name):
    assert clean_ref_name(name) == name


@pytest.mark.parametrize("split", ["..", "a/../b", "../val", "/val"])
def test_a_split_that_would_leave_the_folder_of_an_export_is_refused(split):
    with pytest.raises(InvalidName, match="leaves its own"):
        clean_split(split)


def test_a_split_fits_its_length_byte():
    assert clean_split("é" * 32)
    with pytest.raises(InvalidName):
        clean_split("é" * 33)
