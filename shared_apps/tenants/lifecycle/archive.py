"""The archive: one zip with a member for each table and each file, and the manifest that says what they have to be.

Members are `tables/<name>.copy`, `files/<sha256>`, `files.jsonl` (key, digest and size of each stored file, a line each) and, written last,
`manifest.json`. Nothing is ever unpacked by a name that the archive gives: a reader asks for the members it knows of.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import orjson
from kernel import crypto, tenancy

from shared_apps.tenants.errors import ArchiveRefused
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.lifecycle import tables
from shared_apps.tenants.lifecycle.sources import SourceFile
from shared_apps.tenants.lifecycle.tables import Facts, Meter, Table

FORMAT: Final = "atende-tenant"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
FILES: Final = "files.jsonl"
MAX_MANIFEST: Final = 64 * 1024 * 1024
_LEVEL: Final = 3
Manifest = dict[str, Any]  # Any: JSON


class ArchiveWriter:
    """Writes to a name of its own beside the wanted one; `finish` gives it the wanted name, so a half archive never has it."""

    def __init__(self, path: Path, *, partial: Path) -> None:
        self._path, self._partial = path, partial
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds everything a tenant has
        self._file = os.fdopen(descriptor, "wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=_LEVEL)

    def add(self, name: str, blocks: Iterable[bytes], told: Callable[[int], None] = lambda _: None) -> Facts:
        """Writes a member and says what it holds; `told` hears how many lines were written."""
        meter = Meter()
        with self._zip.open(name, "w", force_zip64=True) as member:
            for block in meter.through(blocks, told):
                member.write(block)
        return meter.facts()

    def finish(self, manifest: Manifest) -> None:
        """Writes the manifest and lets the archive appear under its name, safe on disk."""
        self._zip.writestr(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Lets go of the file, finished or not."""
        if not self._file.closed:
            with contextlib.suppress(OSError, ValueError):  # half a member or a full disk: the file is removed anyway
                self._zip.close()
        self._file.close()


class ArchiveReader:
    """A source that was written to a file. Opening it reads the manifest only; `check` reads everything once."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
            names = self._zip.namelist()
            info = self._zip.getinfo(MANIFEST)
            if info.file_size > MAX_MANIFEST:
                raise ArchiveRefused("The manifest is too large")
            self.manifest: Manifest = orjson.loads(self._zip.read(info))
        except (zipfile.BadZipFile, KeyError, OSError, EOFError, orjson.JSONDecodeError, NotImplementedError, RuntimeError) as error:
            raise ArchiveRefused("The file is not a complete archive") from error
        try:
            self._check_form(names)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ArchiveRefused("The manifest is not complete") from error

    def _check_form(self, names: list[str]) -> None:
        manifest = self.manifest
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise ArchiveRefused("The file is not an archive of a tenant")
        version = manifest.get("version")
        if not isinstance(version, int) or version > VERSION:
            raise ArchiveRefused(f"The archive has format version {version}; this product reads up to {VERSION}")
        if manifest["fingerprint"] != tenant_fingerprint():
            raise ArchiveRefused(
                f"The archive was made by a product with the migrations {manifest['fingerprint']}, this one has {tenant_fingerprint()}; "
                "import it with the version that made it and upgrade there"
            )
        tenant = manifest["tenant"]
        uuid.UUID(tenant["id"])
        if not 0 < len(tenant["name"]) <= 120 or len(tenant["owner_email"]) > 254 or not isinstance(tenant["hosts"], list):
            raise ArchiveRefused("The manifest describes no tenant")
        wanted = {MANIFEST, FILES, *(f"tables/{name}.copy" for name in manifest["tables"])}
        kept = [name for name in names if not name.startswith("files/")]
        if sorted(kept) != sorted(wanted) or len(set(names)) != len(names):
            raise ArchiveRefused("The archive's members are not those its manifest names")

    def check(self) -> None:
        """Reads every member and compares it with the manifest. Raises ArchiveRefused, naming the first that differs."""
        check_seal(self.manifest)
        for name, facts in self.manifest["tables"].items():
            self._compare(f"tables/{name}.copy", _facts(facts))
        self._compare(FILES, _facts(self.manifest["files"]))
        checked: set[bytes] = set()
        for file in self.files():
            if bytes.fromhex(file.sha256) not in checked:
                meter = self._measured(f"files/{file.sha256}", file.size)
                if (meter.sha256, meter.bytes) != (file.sha256, file.size):
                    raise ArchiveRefused(f"The member files/{file.sha256} is damaged or was altered")
                checked.add(bytes.fromhex(file.sha256))

    def tables(self) -> list[Table]:
        """The tables of the archive. Order and key of the rows are the product's, which reads them only after `check`."""
        return [Table(name, tuple(facts["columns"]), ()) for name, facts in self.manifest["tables"].items()]

    def rows(self, table: Table) -> Iterator[bytes]:
        """The rows of a table."""
        return self._blocks(f"tables/{table.name}.copy")

    def expected(self, table: Table) -> Facts | None:
        """What the manifest says of the table."""
        return _facts(self.manifest["tables"][table.name])

    def sequences(self) -> dict[str, int]:
        """The last numbers given out."""
        found: dict[str, int] = self.manifest["sequences"]
        return found

    def row_count(self) -> int:
        """How many rows there are."""
        return sum(facts["rows"] for facts in self.manifest["tables"].values())

    def files(self) -> Iterator[SourceFile]:
        """The stored files."""
        with self._opened(FILES) as member:
            for line in member:
                try:
                    found = orjson.loads(line)
                    key, sha256, size = str(found["key"]), str(found["sha256"]), int(found["size"])
                except (KeyError, TypeError, ValueError) as error:
                    raise ArchiveRefused("The list of files cannot be read") from error
                # The key becomes a path below the new tenant's folder, and the digest a member's name.
                if not _is_key(key) or len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
                    raise ArchiveRefused("The list of files names something that is not a file's key")
                yield SourceFile(key, sha256, size)

    def file_blocks(self, file: SourceFile) -> Iterator[bytes]:
        """The bytes of one of the files."""
        return self._blocks(f"files/{file.sha256}", limit=file.size)

    def _compare(self, name: str, wanted: Facts) -> None:
        if self._measured(name, wanted.bytes) != wanted:
            raise ArchiveRefused(f"The member {name} is damaged or was altered")

    def _measured(self, name: str, limit: int) -> Facts:
        meter = Meter()
        for _ in meter.through(self._blocks(name, limit=limit)):
            pass
        return meter.facts()

    def _blocks(self, name: str, *, limit: int | None = None) -> Iterator[bytes]:
        """A member's bytes; one that goes on behind its stated size is refused, so that it cannot fill a disk."""
        passed = 0
        with self._opened(name) as member:
            try:
                while block := member.read(tables.BLOCK):
                    passed += len(block)
                    if limit is not None and passed > limit:
                        raise ArchiveRefused(f"The member {name} is longer than its manifest says")
                    yield block
            except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
                raise ArchiveRefused(f"The member {name} is damaged or was altered") from error

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        try:
            member = self._zip.open(name)
        except (KeyError, zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
            raise ArchiveRefused(f"The member {name} is missing or damaged") from error
        with member:
            yield member


@contextlib.contextmanager
def opened(path: Path) -> Iterator[ArchiveReader]:
    """Opens an archive. Raises ArchiveRefused."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error.strerror}") from error
    with file:
        yield ArchiveReader(file)


def partial_of(path: Path) -> Path:
    """A name for the archive while it is written."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")


def installation() -> str:
    """What tells this installation (its secret key) from others, without revealing anything."""
    with tenancy.public_scope():
        return crypto.derive_key("installation")[:8].hex()


def seal_of(manifest: Manifest) -> str:
    """The MAC of this installation over a manifest."""
    body = orjson.dumps({name: value for name, value in manifest.items() if name != "seal"}, option=orjson.OPT_SORT_KEYS)
    with tenancy.public_scope():
        return hmac.new(crypto.derive_key("archive"), body, hashlib.sha256).hexdigest()


def is_ours(manifest: Manifest) -> bool:
    """Whether this installation wrote the manifest just as it is."""
    return manifest.get("installation") == installation() and crypto.same(str(manifest.get("seal", "")), seal_of(manifest))


def check_seal(manifest: Manifest) -> None:
    """Raises ArchiveRefused for an archive of this installation whose manifest was altered."""
    if manifest.get("installation") == installation() and not is_ours(manifest):
        raise ArchiveRefused("The manifest was altered: its seal does not fit")


def _is_key(key: str) -> bool:
    parts = key.split("/")
    return bool(key) and len(key) <= 200 and key.isascii() and all(part.replace("_", "").isalnum() for part in parts)


def _facts(stored: dict[str, Any]) -> Facts:  # Any: JSON
    return Facts(int(stored["rows"]), int(stored["bytes"]), str(stored["sha256"]))
