"""What templates say of jobs."""

from django import template

from web.import_report import without_folders
from web.job_words import duration_in_words, kind_in_words, pace_in_words, size_in_words

register = template.Library()

register.filter("kind_in_words", kind_in_words)
register.filter("pace_in_words", pace_in_words)
register.filter("duration_in_words", duration_in_words)
register.filter("size_in_words", size_in_words)
register.filter("without_folders", without_folders)
