import pytest

from datasets_app.attributes import encode_attributes, get_attributes, put_attributes
from datasets_app.errors import InvalidChange

pytestmark = pytest.mark.django_db


def test_equal_attributes_have_one_digest():
    one, none, other, empty = put_attributes([{"a": 1, "b": [2.0]}, None, {"b": [2], "a": 1}, {}])
    assert one == other
    assert (none, empty) == (None, None)


def test_attributes_read_as_they_were_put():
    (key,) = put_attributes([{"scene": "köln", "frame": 7}])
    assert get_attributes([key]) == {key: {"scene": "köln", "frame": 7}}


@pytest.mark.parametrize("value", [2**53, float("nan"), object(), b"bytes"])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(InvalidChange):
        encode_attributes({"a": value})
