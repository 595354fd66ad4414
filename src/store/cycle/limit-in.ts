import { worthInBooks } from '../minor-worth.ts';

/** CTE beside `run`: how many minor units of its books one of another currency is worth, by the last rate before its period ends. */
export const ratesOfRun = `rate AS (SELECT DISTINCT ON (f.currency) f.currency, ${worthInBooks('f', 'run.currency')} AS worth
    FROM run JOIN fx_rate f ON f.source = run.fx_source AND f.into_currency = run.currency AND f.rate_on < run.period_end ORDER BY f.currency, f.rate_on DESC, f.version DESC)`;

/** SQL: a limit of a rule on previews, which is in minor units of the books, in those of `currency`; as it stands where no rate is known. */
export const limitIn = (currency: string, minor: number | string) => `coalesce((SELECT round(${minor} / r.worth) FROM rate r WHERE r.currency = ${currency}), ${minor})`;
