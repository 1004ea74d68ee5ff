"""Columns compared: gaps, statistics, costs of operators, the verdict."""
