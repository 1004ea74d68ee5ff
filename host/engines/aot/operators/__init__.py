"""How each operator becomes calls of kernels."""
