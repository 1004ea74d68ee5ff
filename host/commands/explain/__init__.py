"""`explain`: why two int8 models compute different things."""
