"""…"""

from datetime import timedelta

AGGREGATE_OFFSET = timedelta(seconds=30)  # lets the polls at the start of a slot be in time
