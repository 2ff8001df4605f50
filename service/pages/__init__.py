"""What people see in a browser: the models at /, and how a network learns at /learn."""
