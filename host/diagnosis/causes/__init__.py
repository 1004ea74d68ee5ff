"""The causes that can be named, and the rules that find them."""
