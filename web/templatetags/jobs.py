"""What templates say of jobs."""

from django import template

from web.job_words import duration_in_words, kind_in_words, pace_in_words

register = template.Library()

register.filter("kind_in_words", kind_in_words)
register.filter("pace_in_words", pace_in_words)
register.filter("duration_in_words", duration_in_words)
