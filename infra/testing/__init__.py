"""The test harness: throw-away servers and template databases. Fixtures are in the project's conftest.py."""
