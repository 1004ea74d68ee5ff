"""The kit that every report is made of: for machines (JSON), people (HTML) and the terminal (text).

A command has a ``Document`` (`document.py`), a template that extends ``base.html.j2`` (`page.py`),
and a summary (`text.py`). Numbers are written by `formats.py`, figures drawn by `svg.py`.
"""
