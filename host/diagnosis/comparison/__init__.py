"""A and B side by side: what corresponds, what differs, and what an exchange changes."""
