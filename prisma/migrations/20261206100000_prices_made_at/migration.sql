-- When a tariff was let hold: from then on a roaming partner that it is sold by finds it. Those of before count from now on, so that who pulls finds once more what they may have missed.
ALTER TABLE price_assignment ADD COLUMN made_at timestamptz NOT NULL DEFAULT now();
