-- What report/{quarter} says, one row a cell. A cell never changes; the same one may stand here twice.
CREATE EXTENSION IF NOT EXISTS timescaledb;

CREATE TABLE report_cell (
  time timestamptz NOT NULL, -- when the cell was closed
  store text NOT NULL,
  device text NOT NULL,
  currency text NOT NULL,
  measure text NOT NULL,
  key text,
  started text NOT NULL,
  count bigint NOT NULL,
  total bigint
);
SELECT create_hypertable('report_cell', 'time', chunk_time_interval => INTERVAL '30 days');
CREATE INDEX report_cell_store ON report_cell (store, measure, time DESC);

CREATE VIEW report AS
SELECT DISTINCT time, store, device, currency, measure, coalesce(key, '') AS key, started::timestamptz AS started,
  count, total
FROM report_cell;

-- Visitors and value of each store and hour; value in units of the currency where it has two decimals.
CREATE VIEW report_hour AS
SELECT date_trunc('hour', time - INTERVAL '1 second') AS hour, store, currency,
  sum(count) FILTER (WHERE measure = 'visitors') AS visitors,
  sum(total) FILTER (WHERE measure = 'value') / 100.0 AS value,
  sum(count) FILTER (WHERE measure = 'attended' AND key IN ('1min', '2min', '1min+2min'))
    / nullif(sum(count) FILTER (WHERE measure = 'attended'), 0) AS attended_within_2min
FROM report
GROUP BY 1, 2, 3;
