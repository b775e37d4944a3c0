"""The only room that knows all: configuration, the pipeline on one screen, runner, command line."""
