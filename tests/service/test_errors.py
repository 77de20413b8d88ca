"""The tree of errors is the one drawn above it."""

from service import errors


def tree(error: type[Exception]) -> dict[str, set[str]]:
    return {
        kind.__name__: {x.__name__ for x in kind.__subclasses__()}
        for kind in error.__subclasses__()
    }


def test_the_drawing_names_every_error() -> None:
    for parent, children in tree(errors.EchoTuneError).items():
        _, line = str(errors.__doc__).split(f"─ {parent} ")
        line = line.split("─ ")[0]  # it may go on below
        ours = {name for name in children if hasattr(errors, name)}

        assert all(name in line for name in ours), parent


def test_every_error_says_in_a_sentence_what_happened() -> None:
    """GET /problems/{slug} shows it to clients."""
    for kind in vars(errors).values():
        if isinstance(kind, type):
            assert str(kind.__doc__).endswith("."), kind


def test_a_model_that_must_not_be_served_is_unknown_to_clients() -> None:
    assert issubclass(errors.UnknownModel, errors.NotFound)
    assert issubclass(errors.ModelNotReady, errors.Unavailable)
    assert issubclass(errors.InvalidListen, errors.Invalid)
