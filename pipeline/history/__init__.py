"""What operators ask of past runs, answered from ML Metadata and from what the runs left."""
