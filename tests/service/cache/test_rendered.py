"""What was sent is kept within its bytes."""

from service.cache.rendered import OVERHEAD_BYTES, Rendered, Rendering


def test_what_is_made_is_kept_once() -> None:
    rendered, made = Rendered(1 << 20), []

    def make() -> Rendering:
        made.append(Rendering(b"x" * 100, "br"))
        return made[-1]

    assert rendered.get(b'"a"', make) is rendered.get(b'"a"', make)
    assert 1 == len(made)
    assert OVERHEAD_BYTES + 103 == rendered.weight


def test_a_flood_of_forms_stays_within_the_bytes() -> None:
    rendered = Rendered(100_000)
    for number in range(2_000):
        rendered.get(b"%d" % number, lambda: Rendering(b"x" * 1_000, "br"))

    assert 0 < rendered.weight <= 100_000


def test_what_is_too_large_to_keep_is_still_given() -> None:
    rendered = Rendered(1_000)

    assert 5_000 == len(rendered.get(b"a", lambda: Rendering(b"x" * 5_000, "br")).body)
    assert 0 == rendered.weight
