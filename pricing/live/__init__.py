"""Live price services over HTTP, with a cache on disk. The only part of pricing that does I/O."""
