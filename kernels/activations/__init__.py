"""Functions of one number, and softmax."""
