"""The executors on this machine: samples in, outputs out."""
