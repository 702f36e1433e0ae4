"""Statuses: named by the tenant, ruled by their category."""

from typing import ClassVar

from django.db import models


class StatusCategory(models.TextChoices):
    """The closed list that carries all logic."""

    NEW = "new"
    OPEN = "open"
    WAITING_CUSTOMER = "waiting_customer"
    WAITING_OTHER = "waiting_other"
    SOLVED = "solved"
    CLOSED = "closed"


class Status(models.Model):
    """A status as the tenant names it. Each category has at most one default."""

    key = models.SlugField(max_length=40, unique=True)
    category = models.CharField(max_length=20, choices=StatusCategory.choices)
    label_agent = models.CharField(max_length=60)
    label_customer = models.CharField(max_length=60)
    color = models.CharField(max_length=16, default="gray")
    position = models.SmallIntegerField(default=0)
    is_default = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "statuses"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["category"], condition=models.Q(is_default=True), name="tickets_status_default_once")
        ]

    def __str__(self) -> str:
        return self.key
