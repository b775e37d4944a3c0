"""What is measured of a model: nats of every token, and what TFMA makes of them."""
