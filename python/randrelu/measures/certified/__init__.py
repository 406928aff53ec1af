"""What no point of a ball exceeds: bounds, and the norms they rest on, rounding included."""
