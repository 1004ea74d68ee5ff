"""`profile`: what every operator costs on a device."""
