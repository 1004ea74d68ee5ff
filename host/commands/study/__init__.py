"""Many runs of many quantization routes: which differ measurably, and which do not."""
