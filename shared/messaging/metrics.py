"""Prometheus metrics of messaging, labelled by service and consumer, queue or relay."""

from prometheus_client import Counter, Gauge, Histogram

_LABELS = ("service", "consumer")
CONSUMED = Counter("testgen_messages_consumed_total", "Messages whose effect is committed", _LABELS)
FAILED = Counter("testgen_messages_failed_total", "Failed attempts to handle messages", _LABELS)
DEAD_LETTERED = Counter("testgen_messages_dead_lettered_total", "Messages given up on", _LABELS)
LAG = Gauge("testgen_consumer_lag_messages", "Messages that wait for the consumer", (*_LABELS, "source"))
PUBLISHED = Counter("testgen_messages_published_total", "Contract events published", ("service",))
ENQUEUED = Counter("testgen_jobs_enqueued_total", "Jobs put on work queues", ("service", "queue"))
JOB_SECONDS = Histogram(
    "testgen_job_duration_seconds",
    "Duration of one attempt at a job",
    ("queue", "outcome"),
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
)
RELAY_POSITION = Gauge("testgen_relay_position", "Event-log position up to which the relay has published", ("service",))
