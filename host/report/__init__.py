"""A run's results for machines (JSON), for people (HTML) and for the terminal (text)."""
