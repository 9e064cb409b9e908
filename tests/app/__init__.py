"""Tests of the application, over HTTP and on the command line."""
