"""Cross-app suites: architecture, isolation, faults, e2e."""
