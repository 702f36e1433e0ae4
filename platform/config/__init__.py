"""The Django project: settings, urls, processes, commands."""

from config.celery import app as celery_app

celery = celery_app
__all__ = ["celery", "celery_app"]
