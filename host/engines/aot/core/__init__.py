"""What every operator is compiled with: calls, quantization, windows, strides."""
