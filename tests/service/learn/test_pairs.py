import numpy as np

from service.learn.pairs import held_out, learned, newest_unseen
from service.model.version import Model
from tests.service.given import listen, model
from tests.service.learn.fans import KNOWN, Pairs, fans, interactions


def names(pairs: Pairs, mask: np.ndarray) -> set[tuple[str, str]]:
    """The pairs of a mask as (user, track)."""
    found = interactions(pairs)
    matrix = found.matrix.tocoo()
    return {
        (found.users[matrix.row[place]], KNOWN.briefs[matrix.col[place]].id)
        for place in np.flatnonzero(mask)
    }


def held(pairs: Pairs) -> set[tuple[str, str]]:
    found = interactions(pairs)
    return names(pairs, held_out(found.users, found.matrix))


def fitted_on(pairs: Pairs) -> Model:
    """A model that says it was fitted on these."""
    return model(KNOWN, [listen(one, user_id=user) for user, one in pairs])


def test_a_tenth_is_held_out_whoever_else_listens() -> None:
    """What one fit holds out, the next one does, too."""
    early, late = held(fans(played=8)), held(fans() | {("a", "jazz00"): 1.0})

    assert 0.07 < len(late) / len(fans()) < 0.13
    assert early == late & fans(played=8).keys()


def test_a_model_tells_what_it_was_fitted_on() -> None:
    found = interactions(fans())

    seen = learned(fitted_on(fans(played=8)), found.users, KNOWN.size)

    assert set(fans(played=8)) == {
        (found.users[row], KNOWN.briefs[column].id)
        for row, column in zip(*seen.nonzero(), strict=True)
    }


def test_who_is_gone_was_never_there() -> None:
    found = interactions({("u1", "jazz00"): 1.0})

    seen = learned(fitted_on({("u1", "jazz00"): 1.0, ("u0", "folk00"): 1.0}), found.users, 60)

    assert [[1.0]] == seen[:, [KNOWN.rows["jazz00"]]].toarray().tolist()
    assert 1 == seen.nnz


def test_of_what_is_unseen_the_newer_half_is_set_apart_up_to_a_tenth() -> None:
    """Twelve pairs of 120 listeners each, four of them unseen: a tenth is less than the half."""
    mask = newest_unseen(interactions(fans()), fitted_on(fans(played=8)))

    newest = names(fans(), mask)
    assert len(fans()) // 10 == len(newest)
    assert {11.0, 12.0} == {fans()[pair] for pair in newest}


def test_when_hardly_anything_is_unseen_the_newer_half_of_it_is_set_apart() -> None:
    later: Pairs = {(f"jazz-u{user}", "folk00"): 100.0 + user for user in range(10)}
    everything = fans() | later

    mask = newest_unseen(interactions(everything), fitted_on(fans()))

    assert {(f"jazz-u{user}", "folk00") for user in range(5, 10)} == names(everything, mask)


def test_without_times_a_lot_decides_and_always_the_same_one() -> None:
    untimed = dict.fromkeys(fans(), -1.0)
    seen = fitted_on(fans(played=8))

    found = names(untimed, newest_unseen(interactions(untimed), seen))

    assert len(fans()) // 10 == len(found)
    assert not found & fans(played=8).keys()
    assert len({user.partition("-")[0] for user, _ in found}) == 3
    assert found == names(untimed, newest_unseen(interactions(untimed), seen))


def test_nothing_unseen_is_nothing_to_set_apart() -> None:
    assert not newest_unseen(interactions(fans()), fitted_on(fans())).any()
