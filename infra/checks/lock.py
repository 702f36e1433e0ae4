"""The requirement files: hashed, complete, and without the name of any host; `--write` resolves them again."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.dev.folders import ROOT

FILES = {
    "requirements.txt": ["--extra", "embedded", "--group", "build"],
    "requirements-dev.txt": ["--extra", "embedded", "--group", "build", "--group", "dev", "--constraints", "requirements.txt"],
}
_FIXED = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", "--quiet"]
_HOST = re.compile(r"://|--index|--find-links|--extra-index|--trusted|\bfile:|@ ", re.IGNORECASE)


def write() -> int:
    """Resolves with uv; the index of this machine is used and not named."""
    for name, arguments in FILES.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *arguments, *_FIXED, "--output-file", name]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


def problems() -> Iterator[str]:
    """What is wrong with the files, without any network."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["embedded"]]
    wanted = {
        "requirements.txt": [*runtime, *project["dependency-groups"]["build"]],
        "requirements-dev.txt": [*runtime, *project["dependency-groups"]["build"], *project["dependency-groups"]["dev"]],
    }
    for name, direct in wanted.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        yield from (f"{name}:{number}: names a host or a path" for number, line in enumerate(text.splitlines(), 1) if _HOST.search(line))
        blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
        pins = {(canonicalize_name(match[1]), match[2]) for block in blocks if (match := re.match(r"([\w.-]+)==([^\s;\\]+)", block))}
        yield from (f"{name}: {block.split()[0]} has no hash" for block in blocks if block.strip() and "--hash=sha256:" not in block)
        for text_of_one in direct:
            one = Requirement(text_of_one)
            version = str(one.specifier).removeprefix("==")
            if (canonicalize_name(one.name), version) not in pins:
                yield f"{name}: {one.name} {one.specifier} of pyproject.toml is missing; run `make lock`"


def main() -> int:
    """Checks, or with --write resolves again."""
    if "--write" in sys.argv:
        return write()
    found = list(problems())
    print("\n".join(found) or "requirement files are complete, hashed and name no host")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
