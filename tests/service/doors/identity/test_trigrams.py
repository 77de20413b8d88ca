from math import log1p, sqrt

from hypothesis import given
from hypothesis import strategies as st

from service.doors.identity.trigrams import CONTAINED, Trigrams

texts = st.text("abc", min_size=1, max_size=8)


def triples(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def test_known_answers() -> None:
    near = Trigrams()
    for text in ("lynyrdskynyrd", "stangetz", "joaogilberto", "getz"):
        near.add(text)

    assert {0} == near.near("lynyrdskynard", limit=1)
    assert {1, 2} == near.near("stangetzjoaogilberto", limit=2)
    assert set() == near.near("xq", limit=3)


@given(known=st.lists(texts, min_size=1, max_size=8), asked=texts, limit=st.integers(1, 4))
def test_the_best_by_cosine_and_by_share_are_found(known, asked, limit) -> None:
    """The same figures without arrays."""
    near = Trigrams()
    for text in known:
        near.add(text)
    every = {triple for text in known for triple in triples(text)}
    weight = {
        one: log1p(len(known) / sum(one in triples(text) for text in known)) ** 2 for one in every
    }

    def mass(some: set[str]) -> float:
        return sum(weight.get(one, 0.0) for one in some)

    shared = [mass(triples(text) & triples(asked)) for text in known]
    alike = [one / sqrt(mass(triples(text))) for one, text in zip(shared, known, strict=True)]
    share = [one / mass(triples(text)) for one, text in zip(shared, known, strict=True)]
    found = near.near(asked, limit=limit)

    for row in range(len(known)):
        better = sum(other > alike[row] + 1e-9 for other in alike)
        if row in found:
            assert shared[row] > 0
            assert better < limit or share[row] > CONTAINED - 1e-9
        elif shared[row] > 0:
            assert sum(other > alike[row] - 1e-9 for other in alike) > limit
    assert len(found) <= 2 * limit
