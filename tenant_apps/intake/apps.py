"""Wiring of the intake app."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "tenant_apps.intake"
    label = "intake"
