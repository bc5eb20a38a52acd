"""Uploads and webcam: jobs, the child process, file types."""
