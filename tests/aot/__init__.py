"""Models for the tests of engine aot."""
