"""Work that takes long: jobs, their queue, and the processors they spread over."""
