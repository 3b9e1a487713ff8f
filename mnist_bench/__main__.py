"""`python -m mnist_bench` is `mnist-bench`."""

from mnist_bench.cli import app

if __name__ == "__main__":
    app.main()
