"""What most networks are made of: where x comes in, and the dense layer."""
