"""From a version to label files: selection, encoding in worker processes, one writer."""
