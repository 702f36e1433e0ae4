"""The event log of one schema, the cursors that read it, and the record of requests already carried out."""

from typing import ClassVar

from django.db import models


class Counter(models.Model):
    """Holds the last sequence number; its row lock orders the flushes of a schema."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="events_counter_single_row")]

    def __str__(self) -> str:
        return str(self.last_seq)


class Event(models.Model):
    """One committed fact. `seq` has no gaps and follows the commit order of the schema."""

    seq = models.BigIntegerField(primary_key=True)
    id = models.UUIDField(unique=True)
    type = models.CharField(max_length=64)
    version = models.SmallIntegerField(default=1)
    aggregate_type = models.CharField(max_length=32)
    aggregate_id = models.UUIDField()
    actor = models.JSONField()
    cause = models.JSONField()
    occurred_at = models.DateTimeField()
    request_id = models.CharField(max_length=64, blank=True)
    data = models.JSONField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["aggregate_type", "aggregate_id", "seq"], name="events_event_aggregate")]

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


class Consumer(models.Model):
    """A named cursor over the log. `fence` grows with each lease, so a slow holder cannot move the cursor any more."""

    name = models.CharField(max_length=64, primary_key=True)
    last_seq = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)
    failures = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class ParkedEvent(models.Model):
    """An event that a consumer could not handle after its attempts; the cursor has gone on."""

    consumer = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    error = models.TextField()
    parked_at = models.DateTimeField(auto_now_add=True)
    replayed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["consumer", "seq"], name="events_parked_once")]

    def __str__(self) -> str:
        return f"{self.consumer} {self.seq}"


class IdempotencyRecord(models.Model):
    """The answer already given to (principal, route, key); kept for 24 hours."""

    principal = models.CharField(max_length=64)
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    request_sha256 = models.CharField(max_length=64)
    status = models.SmallIntegerField(null=True)
    body = models.BinaryField(null=True)
    content_type = models.CharField(max_length=80, blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["principal", "route", "key"], name="events_idempotency_once")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
