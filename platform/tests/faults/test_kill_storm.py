"""Mails and hooks arrive while worker, live, web and Valkey are killed: what was acknowledged is there exactly once."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import smtplib
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

import httpx
import pytest

VICTIMS = ("worker", "live", "web", "valkey")
IS_FULL = os.environ.get("ATENDE_FAULTS") == "full"
ARRIVALS = 500 if IS_FULL else 80
ROUNDS = 5 if IS_FULL else 1
SETTLE_SECONDS = 60

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900 if IS_FULL else 300)]


class Ledger:
    """What the outside world was promised: the marks of acknowledged arrivals."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.acknowledged: list[str] = []
        self.refusals: Counter[str] = Counter()

    def note(self, mark: str) -> None:
        with self.lock:
            self.acknowledged.append(mark)

    def refuse(self, why: str) -> None:
        with self.lock:
            self.refusals[why] += 1


def send_mail(stack, mark: str) -> None:
    """Raises unless the listener answered 250."""
    mail = EmailMessage()
    mail["From"] = f"Storm {mark} <{mark}@mail.example>"
    mail["To"] = "support@acme.localhost"
    mail["Subject"] = f"Storm {mark}"
    mail["Message-ID"] = f"<{mark}@mail.example>"
    mail.set_content("It rains.\n")
    with smtplib.SMTP("127.0.0.1", stack.smtp_port, timeout=20) as smtp:
        smtp.send_message(mail)


def send_hook(stack, hook: dict[str, str], mark: str) -> None:
    """Raises unless the answer is a success."""
    body = json.dumps(
        {
            "contact": {"external_id": mark, "name": f"Storm {mark}"},
            "conversation_id": mark,
            "subject": f"Storm {mark}",
            "text": "It rains.",
        }
    )
    stamp = str(int(datetime.datetime.now(datetime.UTC).timestamp()))
    key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, f"{mark}.{stamp}.{body}".encode(), hashlib.sha256).digest()).decode()
    headers = {
        "Host": stack.host("acme"),
        "Content-Type": "application/json",
        "webhook-id": mark,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }
    answer = httpx.post(f"http://127.0.0.1:{stack.port}/hooks/v1/{hook['route_key']}", content=body, headers=headers, timeout=20)
    answer.raise_for_status()


def deliver(stack, hook: dict[str, str], ledger: Ledger, number: int, run: str) -> None:
    """Sends one arrival until it is acknowledged, as mail servers and webhook senders do: the same id each time."""
    mark = f"{run}-{number:03}"
    for attempt in range(40):
        try:
            if number % 2:
                send_mail(stack, mark)
            else:
                send_hook(stack, hook, mark)
        except (OSError, smtplib.SMTPException, httpx.HTTPError) as error:
            ledger.refuse(type(error).__name__)
            time.sleep(min(2.0, 0.2 * (attempt + 1)))
        else:
            ledger.note(mark)
            return


def kill_in_turn(stack, rounds: int, is_over: threading.Event) -> Counter[str]:
    """Kills each victim `rounds` times, waiting for its successor before the next one."""
    killed: Counter[str] = Counter()
    for _ in range(rounds):
        for name in VICTIMS:
            if is_over.wait(0.5):
                return killed
            pid = stack.kill(name)
            killed[name] += 1
            stack.wait_restarted(name, pid)
    return killed


def found_in_api(stack, key: str, run: str) -> Counter[str]:
    """How often each mark of the run appears among acme's tickets."""
    found: Counter[str] = Counter()
    url: str | None = "/api/v1/tickets?limit=100"
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.port}", timeout=20) as client:
        while url:
            answer = client.get(url, headers={"Host": stack.host("acme"), "Authorization": f"Bearer {key}"})
            answer.raise_for_status()
            page = answer.json()
            found.update(row["subject"].removeprefix("Storm ") for row in page["results"] if row["subject"].startswith(f"Storm {run}-"))
            url = page["next"] and page["next"].split(f":{stack.port}", 1)[-1]
    return found


def unfinished(stack) -> list[str]:
    """Inbound events that are not done, as the database says: state, error, attempts, failures."""
    code = (
        "from kernel import tenancy; from tenant_apps.intake.models import InboundEvent\n"
        "with tenancy.public_scope(): acme = tenancy.resolve_host('acme.localhost')\n"
        "with tenancy.tenant_scope(acme):\n"
        "    for e in InboundEvent.objects.exclude(state='done'):\n"
        "        print('EVENT', e.state, e.subject, e.error_code, e.error_detail, e.attempts, e.failures)"
    )
    return [line for line in stack.manage("shell", "--no-imports", "-c", code).splitlines() if line.startswith("EVENT")]


def test_every_acknowledged_arrival_is_there_exactly_once(stack):
    run = uuid.uuid4().hex[:8]
    key, hook, ledger = stack.api_key("acme", "ana", f"storm-{run}"), stack.hook(), Ledger()
    is_over = threading.Event()
    before = {name: stack.restarts(name) for name in VICTIMS}

    with ThreadPoolExecutor(max_workers=9) as pool:
        killing = pool.submit(kill_in_turn, stack, ROUNDS, is_over)
        for sending in [pool.submit(deliver, stack, hook, ledger, number, run) for number in range(ARRIVALS)]:
            sending.result()
        if IS_FULL:
            is_over.set()
        killed = killing.result()

    expected = Counter(ledger.acknowledged)
    deadline = time.monotonic() + SETTLE_SECONDS
    found = found_in_api(stack, key, run)
    while found != expected and time.monotonic() < deadline:
        time.sleep(1)
        found = found_in_api(stack, key, run)
    left = unfinished(stack)
    assert found == expected, f"missing {expected - found}, too many {found - expected}, refused {ledger.refusals}, not done {left}"
    assert len(expected) == ARRIVALS, f"never acknowledged: {ARRIVALS - len(expected)}, refused {ledger.refusals}"
    assert [line for line in left if line.startswith(("EVENT received", "EVENT processing"))] == []
    assert all(killed[name] >= 1 for name in VICTIMS), killed
    assert all(stack.restarts(name) >= before[name] + killed[name] for name in VICTIMS)
