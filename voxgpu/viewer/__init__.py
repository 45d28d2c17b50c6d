"""The application behind ``voxgpu view``: a local web server, its API, and the page."""
