"""Files that cannot be used are refused before anything is stored, with a sentence that helps."""

import gzip
import re
import zipfile

import pytest

from service.doors.importers import source
from service.errors import UnusableFile
from tests.service.doors.house import sums

HEADER = "user,track\n"
ROWS = HEADER + "".join(f"u{n % 50},{n}\n" for n in range(20_000))
COLUMNS = {"user": "user", "track": "track", "create_tracks": True}


def refusal(house, path, kind: str = "interactions", **options) -> str:
    """What is said of a file that is refused; nothing of it may be stored."""
    with pytest.raises(UnusableFile) as refused:
        house.bring(kind, path, **(COLUMNS | options if kind == "interactions" else options))

    assert [] == house.listens() == house.tracks()
    assert path.name in str(refused.value)
    return str(refused.value)


def test_a_missing_file(house) -> None:
    assert "does not exist; check the path" in refusal(house, house.folder / "nope.csv")


def test_a_folder(house) -> None:
    folder = house.folder / "many"
    folder.mkdir()

    assert "is a folder; name the file" in refusal(house, folder)


@pytest.mark.parametrize("name", ["empty.csv", "empty.csv.gz"])
@pytest.mark.parametrize(
    "kind", ["interactions", "tracks-spotify", "tracks-jsonl", "fma", "hetrec"]
)
def test_an_empty_file(house, name: str, kind: str) -> None:
    assert "is empty" in refusal(house, house.file(name, b""), kind)


@pytest.mark.parametrize(
    "kind", ["interactions", "tracks-spotify", "listens-jsonl", "fma", "hetrec"]
)
def test_a_binary_file(house, kind: str) -> None:
    picture = house.file("cover.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 9)

    assert "line 3: this is a binary file" in refusal(house, picture, kind)


def test_a_binary_file_without_a_zero_byte(house) -> None:
    noise = house.file("noise.csv", bytes(range(128, 256)) * 9)

    assert "line 1: no header of UTF-8 text" in refusal(house, noise)


def test_utf_16(house) -> None:
    path = house.file("excel.csv", ROWS.encode("utf-16"))

    assert "UTF-16 text; save it as UTF-8" in refusal(house, path)


def test_a_gzip_cut_short_stores_nothing_and_says_how_far_it_came(house) -> None:
    whole = gzip.compress(ROWS.encode())
    path = house.folder / "cut.csv.gz"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    said = refusal(house, path)
    line = int(re.findall(r"near line ([\d,]+)", said)[0].replace(",", ""))

    assert 5_000 < line < 20_000
    assert "nothing was stored. Download or export it again" in said


def test_a_gzip_with_a_flipped_byte(house) -> None:
    whole = bytearray(gzip.compress(ROWS.encode()))
    whole[len(whole) // 2] ^= 0xFF
    path = house.folder / "flipped.csv.gz"
    path.write_bytes(whole)

    assert "nothing was stored" in refusal(house, path)


def test_a_zip_cut_short(house) -> None:
    path = house.zip("cut.zip", interactions__csv=ROWS)
    path.write_bytes(path.read_bytes()[:-400])

    assert "is broken" in refusal(house, path)


def test_a_zip_with_a_flipped_byte(house) -> None:
    path = house.zip("flipped.zip", interactions__csv=ROWS)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)

    assert "nothing was stored" in refusal(house, path)


def test_an_empty_zip(house) -> None:
    assert "a zip without a file in it" in refusal(house, house.zip("hollow.zip"))


def test_a_zip_with_a_password(house) -> None:
    path = house.zip("secret.zip", interactions__csv=HEADER)
    whole = bytearray(path.read_bytes())
    whole[6] |= 1  # the flag of the local header, then of the directory
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(whole)

    assert "cannot be unpacked" in refusal(house, path)


def test_a_zip_of_several_files_names_them(house) -> None:
    path = house.zip("export.zip", plays__csv=HEADER, readme__txt="hello")

    assert "holds 2 files" in refusal(house, path)
    assert "plays.csv, readme.txt" in refusal(house, path)


def test_a_zip_knows_the_name_of_its_format(house) -> None:
    path = house.folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("deep/down/Interactions.CSV", HEADER + "u1,a\n")

    assert (1, 1, 0, 0) == sums(house.bring("interactions", path, **COLUMNS))


def test_the_only_member_of_a_zip_may_have_any_name(house) -> None:
    path = house.zip("export.zip", plays__csv=HEADER + "u1,a\n")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._plays.csv", b"\0\0")

    assert (1, 1, 0, 0) == sums(house.bring("interactions", path, **COLUMNS))


def test_a_gzip_in_a_zip(house) -> None:
    path = house.folder / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("interactions.csv", gzip.compress(ROWS.encode()))

    assert "packed twice" in refusal(house, path)


def test_what_is_packed_is_known_by_its_first_bytes_not_its_name(house) -> None:
    path = house.folder / "plain.csv"
    path.write_bytes(gzip.compress(b"user,track\nu1,a\n"))

    assert (1, 1, 0, 0) == sums(house.bring("interactions", path, **COLUMNS))


@pytest.mark.parametrize("pack", ["bomb.csv.gz", "bomb.csv"])
def test_a_file_that_unpacks_to_too_much(house, monkeypatch, pack: str) -> None:
    monkeypatch.setattr(source, "MOST_BYTES", 100_000)

    assert "zip bomb" in refusal(house, house.file(pack, ROWS))


def test_a_line_without_end(house, monkeypatch) -> None:
    monkeypatch.setattr(source, "LONGEST_LINE", 1_000)

    assert "line 2: longer than" in refusal(house, house.file("x.csv", HEADER + "x" * 2_000))


@pytest.mark.parametrize(
    "text",
    [
        "user,track\nu1,a\nu2,b\n",
        "user,track\r\nu1,a\r\nu2,b\r\n",
        "user,track\r\nu1,a\nu2,b",
        "user,track\ru1,a\ru2,b\r",
        "\ufeffuser,track\nu1,a\n\n\nu2,b\n\n",
        'user,track\n"u1",a\n"u2","b"\n',
        "user;track\nu1;a\nu2;b\n",
        "user\ttrack\nu1\ta\nu2\tb\n",
        "user|track\n u1 | a\nu2|b\n",
    ],
)
@pytest.mark.parametrize("name", ["plays.csv", "plays.csv.gz"])
def test_line_ends_bom_quotes_and_delimiters(house, text: str, name: str) -> None:
    summary = house.bring("interactions", house.file(name, text), **COLUMNS)

    assert (2, 2, 0, 0) == sums(summary)
    assert [("u1", "a"), ("u2", "b")] == [(one.user_id, one.track_id) for one in house.listens()]


def test_a_plain_file_cut_in_a_row_loses_that_row_only(house) -> None:
    summary = house.bring("interactions", house.file("cut.csv", "user,track\nu1,a\nu2"), **COLUMNS)

    assert (2, 1, 0, 1) == sums(summary)
