"""What several operations share: products, sums, padding and packing."""
