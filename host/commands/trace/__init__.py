"""Looking inside a model that runs on a device: what each operator computes, and what it costs."""
