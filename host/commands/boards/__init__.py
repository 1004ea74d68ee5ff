"""`boards`: what there is to run on."""
