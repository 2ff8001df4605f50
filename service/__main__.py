"""`python -m service` is `backscore`."""

from service.cli import main

if __name__ == "__main__":
    main()
