"""The command line: commands, options, terminal, progress. The only place that prints or exits."""
