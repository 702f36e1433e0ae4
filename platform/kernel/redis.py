"""Connections to Redis (or Valkey): for hints, limits, presence and tickets of sockets; never for the truth."""

import functools

import redis
from django.conf import settings


@functools.cache
def client() -> "redis.Redis":
    """The process-wide client: short time-outs, so that a dead server costs little."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=0.5, health_check_interval=30)
