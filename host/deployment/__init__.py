"""From a request to a measured device."""
