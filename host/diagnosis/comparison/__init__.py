"""A and B beside each other: what corresponds, what differs, and what an exchange changes."""
