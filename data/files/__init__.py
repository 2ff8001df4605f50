"""Reading and writing files of rows and tables."""
