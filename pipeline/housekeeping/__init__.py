"""What a root needs no more is found and removed."""
