"""A folder for each command: its flow, its values, its page."""
