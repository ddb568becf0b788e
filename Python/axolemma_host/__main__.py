"""``python -m axolemma_host --fd N``: what the server starts."""

from axolemma_host.main import run

if __name__ == "__main__":
    run()
