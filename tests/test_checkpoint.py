"""A scan's file: what is written is read again, in the order asked for, whatever came first."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner import checkpoint as checkpoints
from provisioner.checkpoint import Checkpoint, DamagedError, Order, drop_old, newest
from provisioner.errors import RefusedError
from provisioner.scan.row import Cell, Found, Reading

ORDER = Order(accounts=("2", "1"), services=("s3", "ecr"), regions=("us-east-1", "eu-west-1"))
CELL = Cell(
    account="1", region="us-east-1", service="ecr", state="found", count=1, calls=2, seconds=0.5, note="so"
)
FOUND = Found(
    arn="arn:aws:ecr:us-east-1:1:repository/b",
    account="1",
    region="us-east-1",
    kind="repository",
    name="b",
    attributes={"tags_can_move": True, "zones": ["a", "b"], "sizes": {"min": 1}},
    tags={"team": "ml"},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scans" / "1.db"


def write(checkpoint: Checkpoint, *readings: Reading) -> None:
    for reading in readings:
        checkpoint.add(reading, ORDER.place(reading.cell))


def reading(cell: Cell = CELL, *found: Found) -> Reading:
    return Reading(cell=cell, resources=found)


def test_a_closed_file_tells_all_that_was_written(path: Path) -> None:
    first = Checkpoint(path, {"regions": ["all"]})
    write(first, reading(CELL, FOUND, replace(FOUND, arn="arn:a", tags=None)))
    first.note("1", "nobody gets in")
    assert first.save(1.5) == 1.5
    first.close()
    again = Checkpoint(path)
    assert again.question == {"regions": ["all"]}
    assert list(again.cells) == [CELL]
    assert list(again.resources) == [replace(FOUND, arn="arn:a", tags=None), FOUND]
    assert again.notes() == {"1": "nobody gets in"}
    assert again.save(2.0) == 3.5


def test_cells_stand_as_they_were_asked_for(path: Path) -> None:
    places = [
        ("1", "s3", "us-east-1"),
        ("2", "ecr", "eu-west-1"),
        ("2", "ecr", "us-east-1"),
        ("2", "s3", "x"),
    ]
    checkpoint = Checkpoint(path, {})
    write(checkpoint, *(reading(replace(CELL, account=a, service=s, region=r)) for a, s, r in places))
    assert [(c.account, c.service, c.region) for c in checkpoint.cells] == [
        ("2", "s3", "x"),
        ("2", "ecr", "us-east-1"),
        ("2", "ecr", "eu-west-1"),
        ("1", "s3", "us-east-1"),
    ]


def test_a_cell_that_is_read_again_replaces_itself(path: Path) -> None:
    checkpoint = Checkpoint(path, {})
    write(checkpoint, reading(CELL, FOUND), reading(replace(CELL, state="empty", count=0)))
    assert [c.state for c in checkpoint.cells] == ["empty"]
    assert list(checkpoint.resources) == []


def test_a_second_look_that_sees_nothing_takes_nothing_away(path: Path) -> None:
    partly = replace(CELL, gaps=2)
    checkpoint = Checkpoint(path, {})
    write(checkpoint, reading(partly, FOUND), reading(replace(CELL, state="denied", count=0)))
    assert (list(checkpoint.cells), list(checkpoint.resources)) == ([partly], [FOUND])


def test_only_what_was_seen_is_done(path: Path) -> None:
    checkpoint = Checkpoint(path, {})
    for region, state in (
        ("a", "found"),
        ("b", "empty"),
        ("c", "not_enabled"),
        ("d", "denied"),
        ("e", "timeout"),
    ):
        write(checkpoint, reading(replace(CELL, region=region, state=state)))
    write(checkpoint, reading(replace(CELL, region="f", gaps=1)))
    assert checkpoint.done() == {("1", region, "ecr") for region in "abc"}


def test_a_sequence_of_the_file_is_a_sequence(path: Path) -> None:
    checkpoint = Checkpoint(path, {})
    regions = ("us-east-1", "eu-west-1", "x")
    write(checkpoint, *(reading(replace(CELL, region=region)) for region in regions))
    cells = checkpoint.cells
    assert (len(cells), cells[0].region, cells[-1].region) == (3, "us-east-1", "x")
    assert [c.region for c in cells[1:]] == ["eu-west-1", "x"]
    with pytest.raises(IndexError):
        cells[3]


def test_a_file_is_of_one_process_at_a_time(path: Path) -> None:
    _held = Checkpoint(path, {})
    with pytest.raises(RefusedError, match="another scan is writing"):
        Checkpoint(path)


def test_what_a_killed_process_had_not_saved_is_as_if_it_had_not_been_read(path: Path) -> None:
    first = Checkpoint(path, {})
    write(first, reading())
    first.save()
    write(first, reading(replace(CELL, region="eu-west-1")))
    # What the kernel does for a process that is gone.
    first._database.close()
    assert [c.region for c in Checkpoint(path).cells] == ["us-east-1"]


def edit(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def written(path: Path) -> None:
    checkpoint = Checkpoint(path, {"regions": ["all"]})
    write(checkpoint, reading(CELL, FOUND))
    checkpoint.close()


def test_a_file_of_the_first_format_is_read_and_its_gaps_are_looked_at_again(path: Path) -> None:
    written(path)
    edit(
        path,
        "INSERT INTO cells SELECT 2, account, 'eu-west-1', service, 'x', state, 0, 1, 0.0, "
        "'could not look: get_x AccessDenied ×2', 0 FROM cells",
        "ALTER TABLE cells DROP COLUMN gaps",
        "DELETE FROM meta WHERE key = 'format'",
    )
    for _ in range(2):
        again = Checkpoint(path)
        assert [(c.region, c.gaps) for c in again.cells] == [("us-east-1", 0), ("eu-west-1", 1)]
        assert again.done() == {("1", "us-east-1", "ecr")}
        again.close()


def test_a_file_of_another_version_says_so_and_what_it_asked(path: Path) -> None:
    written(path)
    edit(path, "UPDATE meta SET value = '3' WHERE key = 'format'")
    with pytest.raises(
        DamagedError, match="is another version's: format 3, and this version reads 2"
    ) as told:
        Checkpoint(path)
    assert told.value.question == {"regions": ["all"]}


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("UPDATE meta SET value = '[]' WHERE key = 'question'", None),
        ("UPDATE meta SET value = 'null' WHERE key = 'question'", None),
        ("UPDATE cells SET count = 'x'", {"regions": ["all"]}),
        ("UPDATE cells SET state = 'gone'", {"regions": ["all"]}),
        ("UPDATE resources SET found = '{'", {"regions": ["all"]}),
        ("UPDATE resources SET found = '{}'", {"regions": ["all"]}),
        ("UPDATE resources SET found = '[]'", {"regions": ["all"]}),
        ("UPDATE resources SET found = replace(found, '\"1\"', '1')", {"regions": ["all"]}),
        ("UPDATE resources SET found = replace(found, '{\"team\":\"ml\"}', '1')", {"regions": ["all"]}),
        ("DROP TABLE notes", {"regions": ["all"]}),
        ("ALTER TABLE cells DROP COLUMN note", {"regions": ["all"]}),
        ("UPDATE meta SET value = 'abc' WHERE key = 'seconds'", {"regions": ["all"]}),
        ("UPDATE cells SET note = CAST(x'ff61' AS TEXT)", {"regions": ["all"]}),
        ("UPDATE cells SET count = 9e999", {"regions": ["all"]}),
        ("UPDATE resources SET found = replace(found, '\"ml\"', '1')", {"regions": ["all"]}),
    ],
)
def test_an_edited_file_is_damaged_before_anything_is_made_of_it(
    path: Path, statement: str, question: object
) -> None:
    written(path)
    edit(path, statement)
    for _ in range(2):
        with pytest.raises(DamagedError, match="is damaged") as told:
            Checkpoint(path)
        assert told.value.question == question


@pytest.mark.parametrize("what", [b"", b"no database at all", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_said_to_be(path: Path, what: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(what)
    with pytest.raises(DamagedError, match="is damaged"):
        Checkpoint(path)


def test_a_file_that_is_only_its_owners(path: Path) -> None:
    Checkpoint(path, {})
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_an_attribute_that_no_file_can_hold_is_a_bug(path: Path) -> None:
    with pytest.raises(TypeError, match="an attribute is a object"):
        write(Checkpoint(path, {}), reading(CELL, replace(FOUND, attributes={"x": object()})))


def test_the_newest_file_is_the_last_scan(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    for name in ("20260101.db", "20260301.db", "20260201.db"):
        written(tmp_path / name)
    (tmp_path / "20270101.damaged").touch()
    (tmp_path / "20260101.db-journal").touch()
    drop_old(tmp_path, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["20260201.db", "20260301.db", "20270101.damaged"]
    assert newest(tmp_path) == tmp_path / "20260301.db"


def test_files_without_a_cell_hide_none_and_go_first(tmp_path: Path) -> None:
    written(tmp_path / "1.db")
    for number in range(2, 9):
        Checkpoint(tmp_path / f"{number}.db", {}).close()
    (tmp_path / "9.db").touch()
    assert newest(tmp_path) == tmp_path / "1.db"
    drop_old(tmp_path, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.db", "9.db"]


def test_a_file_that_is_in_use_or_damaged_is_the_last_scan(tmp_path: Path) -> None:
    written(tmp_path / "1.db")
    _held = Checkpoint(tmp_path / "2.db", {})
    assert newest(tmp_path) == tmp_path / "2.db"
    (tmp_path / "3.db").write_bytes(b"no database at all")
    assert newest(tmp_path) == tmp_path / "3.db"


def test_a_file_whose_tables_cannot_even_be_named_stops_no_other_scan(path: Path) -> None:
    written(path)
    path.write_bytes(path.read_bytes().replace(b"tablenotes", b"table\xf5otes", 1))
    assert newest(path.parent) == path
    drop_old(path.parent, 1)
    with pytest.raises(DamagedError, match="is damaged"):
        Checkpoint(path)


def test_a_file_that_was_removed_meanwhile_is_not_made_anew(path: Path) -> None:
    assert checkpoints._has_cells(path.parent / "gone.db")
    assert not (path.parent / "gone.db").exists()


def test_a_scan_that_saw_nothing_can_be_taken_back(path: Path) -> None:
    checkpoint = Checkpoint(path, {})
    write(checkpoint, reading(replace(CELL, state="denied")))
    assert checkpoint.is_blank()
    checkpoint.discard()
    checkpoint.close()
    assert not path.exists()


def test_a_full_disk_is_no_damage(path: Path) -> None:
    checkpoint = Checkpoint(path, {})
    checkpoint._database.execute("PRAGMA max_page_count = 8")
    big = replace(FOUND, attributes={"x": "y" * 100_000})
    with pytest.raises(RefusedError, match="cannot be written: database or disk is full"):
        write(checkpoint, reading(CELL, big))
    with pytest.raises(sqlite3.OperationalError):
        checkpoint._database.execute("INSERT INTO meta SELECT 'x', hex(zeroblob(1000000))")
