"""Tests of the checks: each is shown to catch what it is for."""
