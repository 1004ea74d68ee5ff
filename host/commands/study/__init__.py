"""Many runs of many quantization routes: what can be told apart, and what cannot."""
