"""`python run.py` is in people's systemd units: the runner itself is local/run.py."""

from local.run import main

if __name__ == "__main__":
    main()
