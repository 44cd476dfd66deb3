"""botocore's models of services, read faster: as plain dicts, the second time without their documentation."""

import gzip
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, cached_property
from os import walk
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

_OPENED: Mapping[str, Callable[..., Any]] = {".json": open, ".json.gz": gzip.open}
# The rest is small.
_WORDY = "service-2.json.gz"


@cache
def shared(search_paths: tuple[str, ...], kept: Path | None = None) -> "Models":
    """The loader of this process: what one client has read, the next one need not."""
    return Models([*search_paths], kept)


class Models(Loader):  # type: ignore[misc]  # botocore has no types
    """botocore's models. Its own loader looks into every folder it has before it loads one."""

    def __init__(self, search_paths: list[str], kept: Path | None = None) -> None:
        """`kept` is a folder for copies without documentation, three quarters of what there is to read."""
        super().__init__(search_paths, _PlainFiles(kept), include_default_search_paths=False)

    @cached_property
    def _services(self) -> list[str]:
        return [name for path in self.search_paths for name in next(walk(path), (path, [], []))[1]]

    def list_available_services(self, type_name: str) -> list[str]:
        return self._services


class _PlainFiles:
    """Plain dicts know their order too, and take half the time and memory of botocore's own."""

    def __init__(self, kept: Path | None) -> None:
        self._kept = kept

    def exists(self, path: str) -> bool:
        return any(Path(path + ending).is_file() for ending in _OPENED)

    def load_file(self, path: str) -> Any:
        for ending, opened in _OPENED.items():
            with suppress(FileNotFoundError):
                if self._kept and (path + ending).endswith(_WORDY):
                    return _copied(self._kept, Path(path + ending))
                with opened(path + ending, "rb") as file:
                    return json.loads(file.read())
        return None


def _copied(kept: Path, path: Path) -> Any:
    """The copy of a model, made anew where the model is not the one it was made of."""
    state = path.stat()
    of = [str(path), state.st_size, state.st_mtime_ns]
    copy = kept / f"{path.parts[-3]}.{path.parts[-2]}.json"
    # A copy that is damaged is none.
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        known = json.loads(copy.read_bytes())
        if known["of"] == of and {"metadata", "operations", "shapes"} <= known["model"].keys():
            return known["model"]
    with gzip.open(path, "rb") as file:
        model = json.loads(file.read())
    # Elsewhere botocore insists on it.
    model |= {part: _bare(model[part]) for part in ("operations", "shapes") if part in model}
    _write(copy, json.dumps({"of": of, "model": model}, separators=(",", ":")))
    return model


def _write(copy: Path, text: str) -> None:
    """All of it or nothing; without it, the next process reads the model itself again."""
    written = copy.with_suffix(f".{os.getpid()}")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text, encoding="utf-8")
        written.replace(copy)
    except OSError:
        with suppress(OSError):
            written.unlink()


def _bare(value: Any) -> Any:
    """Without documentation; a member of that name is no text, and stays."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k != "documentation" or not isinstance(v, str)}
    return [_bare(each) for each in value] if isinstance(value, list) else value
