"""`doctor`: what is installed."""
