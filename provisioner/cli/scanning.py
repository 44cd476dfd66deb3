"""How a scan is run: its ways into accounts, its file, and its progress."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner import printable
from provisioner import regions as known_regions
from provisioner.cli import scan_wish
from provisioner.cli.options import default_region, now, places, story
from provisioner.cli.scan_wish import ALL
from provisioner.errors import RefusedError, SpecError, StackwrightError
from provisioner.moment import stamp
from provisioner.scan.index import ENGINES, Engine

if TYPE_CHECKING:
    from provisioner.aws.accounts import Accounts, Way
    from provisioner.aws.indexes import Indexed
    from provisioner.aws.reader import Reader
    from provisioner.aws.shared import AccountSession, SharedClients
    from provisioner.checkpoint import Checkpoint, Order
    from provisioner.scan.engine import Opened, Scan
    from provisioner.scan.table import Cell, Row

_KEPT = 10
_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a scan is asked for; kept in its file, so that `--resume` needs no options."""

    profiles: tuple[str, ...] = ()
    role_arns: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    skip_accounts: tuple[str, ...] = ()
    role_name: str = "stackwright-scan"
    organization: bool = False
    external_id: str = ""
    regions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    details: str = "10"
    seconds_per_cell: float = 300.0
    workers: int = 32
    engine: Engine = "direct"
    aggregator: str = ""
    view: str = ""
    suggests: bool = False

    @property
    def most_details(self) -> int | None:
        return {"all": None, "none": 0}.get(self.details, int(self.details) if self.details.isdigit() else 0)

    @property
    def home(self) -> str:
        """The region for what belongs to none; raises SpecError where no region is known.

        One that every account has: in a region that is off, not even the account could be asked for.
        """
        from provisioner.aws.reader import ALWAYS_ON

        given = [region for region in self.regions if region != ALL]
        known = [region for region in given if region in known_regions.names()]
        profile = self.profiles[0] if self.profiles else ""
        first = known_regions.check((known or given or [default_region(profile)])[0])
        beside = [r for r in ALWAYS_ON if r in known_regions.names() and _partition(r) == _partition(first)]
        return next((region for region in [*known, first, *beside] if region in ALWAYS_ON), first)


def _partition(region: str) -> str:
    return known_regions.partition(region).name


def wish(rows: "Sequence[Row]", **options: Any) -> Wish:
    """The wish of the options; raises SpecError for what no option may be."""
    asked = Wish(**options)
    scan_wish.check(asked, rows)
    return asked


@contextmanager
def run(wish: Wish, rows: "Sequence[Row]", *, resume: bool = False) -> "Iterator[Scan]":
    """The scan, written down as it goes; with `resume` the last one goes on where it was.

    What it has found is read from its file, which is closed with the block.
    """
    from provisioner.checkpoint import Order
    from provisioner.scan.engine import Scan

    wish, checkpoint = _resumed(wish, rows) if resume else (wish, None)
    is_new = checkpoint is None
    rows = [row for row in rows if _is_asked(row, wish)]
    started = time.monotonic()
    try:
        with _one_core():
            way = _entered(wish, rows)
            # A scan that cannot begin leaves no file, which would stand before the last one.
            checkpoint = checkpoint or _begun(wish)
            order = Order(
                accounts=way.accounts.ids,
                services=[row.service for row in rows],
                regions=[region for region in wish.regions if region != ALL],
            )
            _read(wish, way, rows, checkpoint, order, is_new=is_new)
        total = checkpoint.save(time.monotonic() - started)
        yield Scan(
            cells=checkpoint.cells,
            resources=checkpoint.resources,
            seconds=round(total, 3),
            notes=checkpoint.notes(),
            today=now().date(),
            scanned_at=stamp(now()),
        )
    finally:
        if checkpoint:
            checkpoint.close()


def _is_asked(row: "Row", wish: Wish) -> bool:
    if wish.services:
        return row.service in wish.services
    return wish.suggests or not row.for_suggestions


@dataclass(frozen=True, kw_only=True)
class _Entered:
    """All that a scan needs to ask."""

    accounts: "Accounts"
    reader: "Reader"
    indexed: "Indexed | None"


def _entered(wish: Wish, rows: "Sequence[Row]") -> _Entered:
    """The accounts known, and the index where one is wished for; raises SpecError and RefusedError."""
    from provisioner.aws.reader import Reader

    accounts, caller = _accounts(wish, rows)
    reader = Reader(
        accounts.session,
        seconds_per_cell=wish.seconds_per_cell,
        most_details=wish.most_details,
        is_on=accounts.is_on,
    )
    return _Entered(accounts=accounts, reader=reader, indexed=_indexed(wish, accounts, caller, reader))


def _read(
    wish: Wish,
    way: _Entered,
    rows: "Sequence[Row]",
    checkpoint: "Checkpoint",
    order: "Order",
    *,
    is_new: bool,
) -> None:
    from provisioner.scan.engine import Opened, stream

    accounts, reader, indexed = way.accounts, way.reader, way.indexed

    def close(account: str) -> None:
        reader.forget(account)
        accounts.close(account)
        if indexed:
            indexed.forget(account)

    done = checkpoint.done()
    stopped = _stopped(accounts, checkpoint, is_new=is_new)
    with stopped, _files(), _progress(len(accounts.ids), len(done)) as progress:
        for event in stream(
            accounts=accounts.ids,
            open_account=accounts.open,
            rows=rows,
            read=indexed.read if indexed else reader.read,
            close_account=close,
            is_done=done.__contains__,
            workers=wish.workers,
        ):
            if isinstance(event, Opened):
                checkpoint.note(event.target.account, event.target.note)
                progress.opened(event)
            else:
                checkpoint.add(event, order.place(event.cell))
                progress.told(event.cell)
    if indexed:
        checkpoint.note(wish.engine, indexed.summary())
        story(indexed.summary())


def _indexed(
    wish: Wish, accounts: "Accounts", caller: "AccountSession", reader: "Reader"
) -> "Indexed | None":
    """The reader that asks an index first, if one is wished for; raises SpecError and RefusedError."""
    if wish.engine == "direct":
        return None
    from provisioner.aws.indexes import ConfigIndex, ExplorerIndex, Index, Indexed

    index: Index
    if wish.engine == "config":
        region, _, name = wish.aggregator.rpartition("/")
        index = ConfigIndex(caller, accounts.session, aggregator=name, region=region or wish.home)
    else:
        index = ExplorerIndex(caller, accounts.session, view=wish.view, region=wish.home)
    return Indexed(reader.read, index)


@contextmanager
def _stopped(accounts: "Accounts", checkpoint: "Checkpoint", *, is_new: bool) -> Iterator[None]:
    """A scan that ends early keeps what it has read, if anything, and waits for no answer."""
    try:
        yield
    except (KeyboardInterrupt, RefusedError):
        accounts.stop()
        if not checkpoint.is_blank():
            story("What was read is kept: `stackwright scan --resume` goes on from there.")
        elif is_new:
            checkpoint.discard()
        raise


# The file


def _folder() -> Path:
    return places().registry.parent / "scans"


def _begun(wish: Wish) -> "Checkpoint":
    from provisioner.checkpoint import Checkpoint, drop_old

    # Old ones go first: a full disk is full of them.
    drop_old(_folder(), _KEPT - 1)
    name = f"{now():%Y%m%dT%H%M%S.%fZ}-{os.getpid()}.db"
    return Checkpoint(_folder() / name, asdict(wish))


def _resumed(wish: Wish, rows: "Sequence[Row]") -> "tuple[Wish, Checkpoint | None]":
    """The last scan's wish and file; a damaged one is put aside, and begun anew as far as it can be read."""
    from provisioner.checkpoint import Checkpoint, DamagedError, newest

    path = newest(_folder())
    if path is None:
        raise SpecError(
            "there is no scan to go on with", hint="run the scan without --resume", field="resume"
        )
    try:
        checkpoint = Checkpoint(path)
        with _closed_on_refusal(checkpoint):
            return _agreed(wish, _kept(path, checkpoint.question, rows)), checkpoint
    except DamagedError as error:
        again = wish
        with suppress(DamagedError):
            again = _agreed(wish, _kept(path, error.question, rows)) if error.question else wish
        aside = _put_aside(path)
        story(f"{error.message}\n  it is now {aside}; the scan begins anew", color="yellow")
        return again, None


def _put_aside(path: Path) -> Path:
    aside = path.with_suffix(".damaged")
    try:
        return path.rename(aside)
    except OSError as error:
        raise RefusedError(f"{path} cannot be put aside: {error}", hint="move it away yourself") from error


@contextmanager
def _closed_on_refusal(checkpoint: "Checkpoint") -> Iterator[None]:
    try:
        yield
    except StackwrightError:
        checkpoint.close()
        raise


def _kept(path: Path, question: Mapping[str, Any], rows: "Sequence[Row]") -> Wish:
    """The wish of a file; raises DamagedError where it is none that this version could have had."""
    from provisioner.checkpoint import DamagedError

    known = {key: tuple(v) if isinstance(v, list) else v for key, v in question.items()}
    odd = [key for key, value in known.items() if not _is_wished(key, value)]
    try:
        if not odd:
            return wish(rows, **known)
        why = f"nobody asks for {', '.join(odd)} like that"
    except StackwrightError as error:
        why = error.message
    raise DamagedError(path, why, what="asks what this version cannot")


def _is_wished(key: str, value: object) -> bool:
    """Whether a wish can have this value."""
    if key not in asdict(Wish()):
        return False
    default = getattr(Wish(), key)
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if key == "engine":
        return value in ENGINES
    return type(value) is type(default) or (type(value), type(default)) == (int, float)


def _agreed(wish: Wish, asked: Wish) -> Wish:
    """The wish of the file, whose pace may change; raises SpecError where the options ask for another."""
    # Suggestions can be asked of any scan: one that did not look for quotas says so.
    same = replace(
        wish, workers=asked.workers, seconds_per_cell=asked.seconds_per_cell, suggests=asked.suggests
    )
    plain = replace(
        Wish(), workers=asked.workers, seconds_per_cell=asked.seconds_per_cell, suggests=asked.suggests
    )
    if same not in (asked, plain):
        raise SpecError(
            "the scan to go on with asked something else",
            hint="--resume alone goes on with it; without --resume a new scan begins",
            field="resume",
        )
    return replace(asked, workers=wish.workers, seconds_per_cell=wish.seconds_per_cell)


# The accounts


def _accounts(wish: Wish, rows: "Sequence[Row]") -> "tuple[Accounts, AccountSession]":
    """The accounts to look into, and whoever looks; raises RefusedError where there is no way in at all."""
    from provisioner.aws.accounts import Accounts, as_caller
    from provisioner.aws.shared import SharedClients

    shared = SharedClients(wish.home, kept=places().cache / "models")
    # The account's own answer comes first, and nothing else can be asked until it is there.
    shared.prepare(["sts", *(api for row in rows for api in row.apis)])
    own = _own_ways(wish, shared)
    ways = _without_skipped(_ways(wish, shared, own), wish.skip_accounts)
    accounts = Accounts(shared, ways, wish.regions or (wish.home,))
    return accounts, as_caller(shared, own[0])


def _ways(wish: Wish, shared: "SharedClients", own: "list[Way]") -> "list[Way]":
    """Every way in."""
    from provisioner.aws import accounts

    if not (wish.role_arns or wish.accounts or wish.organization):
        return own
    caller = accounts.as_caller(shared, own[0])
    asked = [(account, "") for account in wish.accounts]
    found = accounts.members(caller) if wish.organization else []
    by_name = accounts.through(caller, [*found, *asked], wish.role_name, external_id=wish.external_id)
    by_arn = [accounts.assumed(caller, arn, external_id=wish.external_id) for arn in wish.role_arns]
    return [*by_name, *by_arn]


def _without_skipped(ways: "Sequence[Way]", skipped: Sequence[str]) -> "list[Way]":
    """The ways that are not to be left out, however asked for; raises SpecError where that leaves none."""
    known = {way.account for way in ways}
    for account in skipped:
        if account not in known:
            story(f"--skip-account {account}: no active account of this scan has that id.", color="yellow")
    left = [way for way in ways if way.account not in skipped]
    if ways and not left:
        raise SpecError("every account is skipped", hint="leave one in", field="skip_account")
    return left


def _own_ways(wish: Wish, shared: "SharedClients") -> "list[Way]":
    """The accounts of the profiles; one that does not work is told, and the others go on."""
    from provisioner.aws import accounts
    from provisioner.aws.session import Session

    ways, refused = [], []
    for profile in wish.profiles or ("",):
        source = f"profile {profile}" if profile else "the caller's credentials"
        try:
            ways.append(accounts.own(Session(shared.home, profile=profile), shared, source))
        except RefusedError as error:
            refused.append((error, accounts.closed(source, error)))
    if not ways:
        raise refused[0][0]
    return [*ways, *(way for _, way in refused)]


@contextmanager
def _one_core() -> Iterator[None]:
    """Python runs one of its threads at a time: on one core they take turns a fifth faster than on two.

    This thread stays there, and those that it starts; two scans at once are likely to be on two cores.
    """
    if not hasattr(os, "sched_setaffinity"):  # Linux alone has it.
        yield
        return
    cores = os.sched_getaffinity(0)
    with suppress(OSError):
        os.sched_setaffinity(0, {sorted(cores)[os.getpid() % len(cores)]})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, cores)


@contextmanager
def _files() -> Iterator[None]:
    """A connection to each service in each region: more files than many systems allow unasked."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, wanted) if soft < wanted else soft, hard))


# The story


class _Progress:
    """Counts, and an estimate of the end, on one line of a terminal; elsewhere a line per cell or account."""

    def __init__(self, accounts: int, known: int) -> None:
        self._accounts, self._known, self._started = accounts, known, time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._opened, self._cells, self._done, self._found, self._hidden, self._part = 0, 0, 0, 0, 0, 0
        self._drawn = 0.0
        self._left: dict[str, int] = {}
        self._of: dict[str, Counter[str]] = {}

    def opened(self, event: "Opened") -> None:
        self._opened += 1
        self._cells += event.cells
        self._left[event.target.account], self._of[event.target.account] = event.cells, Counter()
        if event.target.note:
            self._say(f"  {event.target.account}: {event.target.note}")

    def told(self, cell: "Cell") -> None:
        from provisioner.scan.table import SEEN

        self._done += 1
        self._found += cell.count
        hidden, part = cell.state not in SEEN, cell.gaps > 0
        self._hidden += hidden
        self._part += part
        self._count(cell, hidden, part)
        if self._accounts == 1 and self._cells < 50:
            self._say(cell_line(cell))
        elif self._is_terminal and time.monotonic() - self._drawn > 0.2:
            self.draw()

    def _count(self, cell: "Cell", hidden: bool, part: bool) -> None:
        """An account that is done gets a line of its own, where no line of progress stands for it."""
        self._left[cell.account] -= 1
        counts = self._of[cell.account]
        counts.update(cells=1, found=cell.count, hidden=int(hidden), part=int(part))
        if self._left[cell.account] == 0:
            del self._left[cell.account], self._of[cell.account]
            if self._accounts > 1 and not self._is_terminal:
                seen = f"{counts['cells']} cells, {counts['found']} found"
                seen = f"{seen}, {_unseen(counts['hidden'], counts['part'])}"
                self._say(f"  {cell.account}: {seen} ({self._text()})")

    def draw(self) -> None:
        self._drawn = time.monotonic()
        _write(f"\r\x1b[2K  {self._text()}")

    def _text(self) -> str:
        total = self._cells + round((self._accounts - self._opened) * self._cells / max(1, self._opened))
        spent = time.monotonic() - self._started
        left = (total - self._done) * spent / max(1, self._done)
        return (
            f"{self._opened} of {self._accounts} accounts, {self._done:,} of {total:,} cells, "
            f"{self._found:,} found, {_unseen(self._hidden, self._part)}, {_clock(left)} left"
        )

    def close(self) -> None:
        if self._is_terminal and self._drawn:
            _write("\r\x1b[2K")
        if self._known:
            story(f"  {self._known:,} cells were read before.")

    def _say(self, line: str) -> None:
        if self._is_terminal and self._drawn:
            _write("\r\x1b[2K")
        story(printable.line(line))


@contextmanager
def _progress(accounts: int, known: int) -> Iterator[_Progress]:
    progress = _Progress(accounts, known)
    try:
        yield progress
    finally:
        progress.close()


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _unseen(hidden: int, part: int) -> str:
    return f"{hidden:,} not seen" + (f", {part:,} in part" if part else "")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def cell_line(cell: "Cell") -> str:
    """One cell for people to follow."""
    note = f"  {cell.note}" if cell.note else ""
    return f"  {cell.service:<30} {cell.state:<12} {cell.count:>4} in {cell.calls} calls{note}"


def not_seen(scan: "Scan") -> list[str]:
    """What could not be seen, and what only in part; the same reason once: so many cells, where, and why."""
    from provisioner.scan.report import sight, why_partly
    from provisioner.scan.table import SEEN

    reasons: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], str] = {}
    for cell in scan.cells:
        if cell.state not in SEEN or cell.gaps:
            part = cell.state in SEEN
            reason = ("in part", why_partly(cell.note)) if part else (cell.state, cell.note)
            reasons[reason] += 1
            where.setdefault(reason, f"{cell.account} {cell.region} {cell.service}")
    hidden = sight(scan.not_seen, scan.partly_seen, scan.gaps)
    hint = "`stackwright scan --policy` is what a scan needs, `scan --resume` asks again."
    head = [f"{'; '.join(hidden)}; {hint}"] if hidden else []
    lines = [
        f"  {number:>6,} {state}: {note or 'no reason given'} (such as {where[state, note]})"
        for (state, note), number in reasons.most_common(_LINES)
    ]
    more = len(reasons) - len(lines)
    rest = [f"  and {more} more reasons: --json has each cell's"] if more else []
    return [*head, *lines, *rest]
