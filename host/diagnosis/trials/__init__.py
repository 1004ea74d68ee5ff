"""What a run's samples, labels and conversion should have been: tried, and the effect measured."""
