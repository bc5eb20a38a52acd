-- What report/{quarter} says, one row a cell. A cell never changes; the engine keeps one of equal rows.
CREATE TABLE chain.report_cell (
  timestamp DateTime,
  store LowCardinality(String),
  device LowCardinality(String),
  currency LowCardinality(String),
  measure LowCardinality(String),
  key String,
  started String,
  count Int64,
  total Nullable(Int64)
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (store, device, measure, key, timestamp, started);

CREATE VIEW chain.report AS
SELECT timestamp, store, device, currency, measure, key, parseDateTimeBestEffort(started) AS started, count, total
FROM chain.report_cell FINAL;
