"""A line that does to bytes what lines do: faults by script, at the pace of a port."""
