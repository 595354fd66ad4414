-- Prices of electricity by interval of the market, and the texts they were loaded from. Prices in major units per unit of the series.
CREATE TABLE price_series (
  id text PRIMARY KEY, zone text NOT NULL, currency char(3) NOT NULL, unit text NOT NULL CHECK (unit IN ('kWh', 'MWh')), market_zone text NOT NULL DEFAULT 'Europe/Brussels',
  author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE price_load (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, series_id text NOT NULL REFERENCES price_series, format text NOT NULL CHECK (format IN ('json', 'csv')), body text NOT NULL, reason text,
  author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now()
);
-- A price that was wrong gets a newer version; what was priced by the old one stays.
CREATE TABLE price_point (
  series_id text NOT NULL REFERENCES price_series, start_at timestamptz NOT NULL, version integer NOT NULL CHECK (version > 0), seconds integer NOT NULL CHECK (seconds IN (300, 900, 1800, 3600)),
  price numeric(18, 6) NOT NULL, load_id bigint NOT NULL REFERENCES price_load, PRIMARY KEY (series_id, start_at, version)
);
SELECT seal_table('price_series');
SELECT seal_table('price_load');
SELECT seal_table('price_point');
GRANT SELECT, INSERT ON price_series, price_load, price_point TO wattledger_app;
