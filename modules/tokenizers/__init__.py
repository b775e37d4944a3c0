"""Byte-level BPE from scratch: the algorithm, its trainer, and the same thing inside a TF graph."""
