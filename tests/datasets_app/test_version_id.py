from datetime import timedelta, timezone

from datasets_app.version_id import content_digest, version_digest
from tests.datasets_app.builders import moment

FACTS = {
    "root": bytes([1] * 32),
    "taxonomy": bytes([2] * 32),
    "parents": [bytes([3] * 32), bytes([4] * 32)],
    "author": "ada",
    "created_at": moment(),
    "message": "Mend the cars\n\nAll of them.",
}


def test_the_id_of_a_version_stays():
    assert version_digest(**FACTS).hex() == (
        "8adbafb4d304ee4459431e1f923e7eca7fc118e03aa076cfd1dacdedb1972d43"
    )


def test_the_id_of_an_empty_first_version_stays():
    facts = {**FACTS, "root": None, "parents": [], "message": ""}
    assert version_digest(**facts).hex() == (
        "303c3e1cc72caab0ad1723d7a3e1a0923435d73f40fe1bf2da95111552b84edf"
    )


def test_every_fact_is_in_the_id():
    others = {
        "root": None,
        "taxonomy": bytes([9] * 32),
        "parents": FACTS["parents"][::-1],
        "author": "bob",
        "created_at": moment() + timedelta(microseconds=1),
        "message": "Mend the cars",
    }
    ids = {version_digest(**{**FACTS, fact: value}) for fact, value in others.items()}
    assert len(ids | {version_digest(**FACTS)}) == 7


def test_the_zone_of_the_time_is_not_in_the_id():
    local = moment().astimezone(timezone(timedelta(hours=5)))
    assert version_digest(**{**FACTS, "created_at": local}) == version_digest(**FACTS)


def test_the_content_digest_stays():
    digest = content_digest(root=FACTS["root"], taxonomy=FACTS["taxonomy"])
    assert digest.hex() == ("5566f4ef446252fb4fd156c3f477cbff03cab44be0fbaa478c402c92bebb5289")
