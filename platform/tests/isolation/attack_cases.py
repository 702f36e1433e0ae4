"""The catalogue of attacks: what each case tries, which tests try it here, and why some have none."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reference" / "attacks.md"
CASES = {
    "A01": "A body names another tenant",
    "A02": "A file of another tenant, asked for by its id",
    "A03": "A message cites a file that lies there already",
    "A04": "A requester closes somebody else's ticket",
    "A05": "A read receipt with guessed ids",
    "A06": "An agent without the right to an inbox asks for its contacts by address",
    "A07": "A ticket for a contact whom one does not see",
    "A08": "Searches, filters and counts as an agent who sees the own tickets alone",
    "A09": "Changes to a message whose ticket is hidden",
    "A10": "Writing into a hidden ticket by its id",
    "A11": "A colleague's reply is called back before it is sent",
    "A12": "A new ticket links to one that is not visible",
    "A13": "An invitation on another host, or with another role",
    "A14": "The cache of one tenant answers another",
    "A15": "Ids of content types and permissions that differ between tenants",
    "A16": "Errors and rollbacks in the middle of a switch of tenants",
    "A17": "Two tenants' sockets on one thread",
    "A18": "Sessions, keys, form tokens and socket tickets on another tenant's host",
    "A19": "Headers that name another tenant",
    "A20": "Answers of many requests at once",
    "A21": "A ticket's public page by number and address",
    "A22": "Files without a signature",
    "A23": "Every API route without credentials",
    "A24": "An export of the knowledge base holds private files",
    "A25": "Slugs that are names of the system",
    "A26": "Ids in odd forms",
    "A27": "Filters left out, sent twice, sent as lists",
    "A28": "A role that can run SQL listens and locks",
    "B01": "An invitation after its time, after use, after it was taken back",
    "B02": "Keys that could be guessed or read",
    "B03": "Known and unknown addresses, by bytes and by time",
    "B04": "An account made under somebody's address before they sign on through their provider",
    "B05": "The time of a sign-in for known and unknown users",
    "B06": "Forwarding headers against limits and networks",
    "B07": "Spellings of an address against the lock-out",
    "B08": "Where single sign-on leads back to",
    "B09": "A header that says who one is",
    "B10": "ID tokens for others, of yesterday, without nonce, used twice",
    "B11": "ID tokens signed with the public key or not at all",
    "B12": "A passkey's challenge replayed",
    "B13": "What is stored between the two steps of a sign-in",
    "B14": "A profile with fields that are not its own",
    "B15": "A neighbouring right changes an inbox",
    "B16": "A file object made by the caller",
    "B17": "Reading that changes rows",
    "B18": "Foreign origins",
    "B19": "An agent on every route of the organization",
    "B20": "Routes of a first set-up",
    "B21": "Another member's address and password",
    "B22": "A hostile host in a reset",
    "B23": "Addresses that lead off the site",
    "B24": "The session's id before and after a sign-in",
    "B25": "Keys, sockets, exports and open tabs of somebody who was demoted or removed",
    "D12": "Hostile text in a browsable API",
    "D13": "Links in messages, and windows that hold on to ours",
    "D18": "Formulas in exports",
    "E01": "Addresses of our own network as a provider",
    "E02": "A public address that leads on to our network",
    "E03": "Our network in other spellings",
    "E05": "A name that is public when looked at and ours when called",
    "E06": "Addresses that two parsers read differently",
    "E07": "Other schemes than the web's",
    "E09": "A server that never ends, or says too much",
    "E12": "Credentials for a host that only looks like the right one",
}
WITHOUT = {
    "A04": "there is no portal: requesters cannot sign in",
    "A05": "there are no read receipts by picture",
    "A11": "a reply cannot be taken back",
    "A21": "tickets have no public page",
    "A24": "there is no knowledge base",
}
HEAD = """# Attacks that are tried

Advisories of other products, turned into requests. The name of a test begins with its case. Written from the code by
`ATENDE_WRITE_ATTACKS=1` before the test in `platform/tests/isolation/test_attack_cases.py`, which compares.

| case | what is tried | tests |
| --- | --- | --- |
"""
_TEST = re.compile(r"^(?:async )?def (test((?:_[a-z]\d\d)+)_\w+)\(", re.MULTILINE)


def named_tests() -> dict[str, list[str]]:
    """The tests whose names begin with one case or several, as `file::name`."""
    found: dict[str, list[str]] = {}
    folders = [ROOT / name for name in ("platform", "shared_apps", "tenant_apps", "infra")]
    for path in sorted(path for folder in folders for path in folder.rglob("test_*.py")):
        for name, cases in _TEST.findall(path.read_text(encoding="utf-8")):
            for case in cases.upper().split("_")[1:]:
                found.setdefault(case, []).append(f"{path.relative_to(ROOT)}::{name}")
    return found


def page(found: dict[str, list[str]]) -> str:
    """The table: each case with its tests, or the reason why it has none."""
    rows = []
    for case, words in CASES.items():
        tests = "<br>".join(f"`{name}`" for name in found.get(case, ())) or f"none: {WITHOUT.get(case, '')}"
        rows.append(f"| {case} | {words} | {tests} |\n")
    return HEAD + "".join(rows)


def is_to_be_written() -> bool:
    """Whether the page is written again instead of compared."""
    return bool(os.environ.get("ATENDE_WRITE_ATTACKS"))
