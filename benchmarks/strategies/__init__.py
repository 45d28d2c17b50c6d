"""Ways to execute one schedule, as small prototypes, and what compares them."""
