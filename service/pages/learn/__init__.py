"""The playground at /learn."""
